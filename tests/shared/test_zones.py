"""Memory and locks that forked processes share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from deadline import wait_for

from penstock.shared.zones import LockFile, carve


@pytest.fixture
def file() -> Iterator[LockFile]:
    made = LockFile()
    yield made
    made.close()


def forked(work: object) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()  # type: ignore[operator]  # a function without arguments
        finally:
            os._exit(0)
    return pid


def test_arrays_are_zeroed_aligned_and_apart() -> None:
    one, two = carve(("I", 3), ("Q", 2))
    assert (one.tolist(), two.tolist()) == ([0, 0, 0], [0, 0])
    one[2], two[0] = 2**32 - 1, 2**64 - 1
    assert (one.tolist(), two.tolist()) == ([0, 0, 2**32 - 1], [2**64 - 1, 0])


def test_a_child_writes_what_the_parent_reads() -> None:
    (cells,) = carve(("Q", 1))

    def write() -> None:
        cells[0] = 7

    os.waitpid(forked(write), 0)
    assert cells[0] == 7


def test_the_lock_lets_one_process_in_at_a_time(file: LockFile) -> None:
    (cells,) = carve(("Q", 1))
    lock = file.lock()

    def count() -> None:
        for _ in range(2000):
            with lock:
                cells[0] += 1

    for pid in [forked(count) for _ in range(3)]:
        os.waitpid(pid, 0)
    assert cells[0] == 6000


def test_a_killed_process_leaves_nothing_locked(file: LockFile) -> None:
    (cells,) = carve(("Q", 1))
    lock = file.lock()

    def hold() -> None:
        with lock:
            cells[0] = 1
            signal.pause()

    pid = forked(hold)
    wait_for(lambda: cells[0], "the child holds the lock")
    other = file.lock()
    with other:
        pass  # another lock of the same file is free
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with lock:
        assert cells[0] == 1
