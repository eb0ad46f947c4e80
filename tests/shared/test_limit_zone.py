"""How many sessions a key has, whoever counts and whoever dies."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
from deadline import wait_for

from penstock.shared.limit_zone import FULL, REFUSED, LimitZone
from penstock.shared.zones import UNSHARED, LockFile, carve


def zone(size: int = 64 * 8, seats: int = 4) -> LimitZone:
    return LimitZone(size, UNSHARED, seats)


@pytest.fixture
def file() -> Iterator[LockFile]:
    made = LockFile()
    yield made
    made.close()


def test_a_key_has_as_many_sessions_as_it_may() -> None:
    limits = zone()
    first, second = limits.enter(b"a", 2, 0), limits.enter(b"a", 2, 1)
    assert first == second > 0
    assert limits.enter(b"a", 2, 0) == REFUSED
    assert limits.enter(b"b", 2, 0) > 0
    limits.leave(second, 1)
    assert limits.enter(b"a", 2, 0) == first
    assert limits.count(b"a") == 2


def test_limits_of_one_zone_may_differ() -> None:
    limits = zone()
    assert limits.enter(b"a", 1, 0) > 0
    assert limits.enter(b"a", 1, 0) == REFUSED
    assert limits.enter(b"a", 2, 0) > 0


def test_a_full_zone_takes_keys_that_it_has() -> None:
    limits = zone(64 * 3)
    records = [limits.enter(bytes([key]), 9, 0) for key in range(3)]
    assert limits.enter(b"more", 9, 0) == FULL
    assert limits.enter(b"\0", 9, 0) == records[0]
    limits.leave(records[1], 0)
    assert limits.enter(b"more", 9, 0) == records[1]
    assert limits.enter(b"\1", 9, 0) == FULL


def test_whoever_is_gone_holds_nothing() -> None:
    limits = zone()
    for _ in range(3):
        limits.enter(b"a", 9, 2)
    limits.enter(b"a", 9, 1)
    limits.enter(b"b", 9, 2)
    limits.forget(2)
    assert (limits.count(b"a"), limits.count(b"b")) == (1, 0)


def test_both_may_be_the_last_to_leave() -> None:
    limits = zone(64 * 2)
    record = limits.enter(b"a", 9, 0)
    limits.enter(b"a", 9, 1)
    # seat 0 counts down and is about to give the record back when seat 1 does all of it
    limits._counts[record * 4] -= 1
    limits.leave(record, 1)
    limits._give_back(record)
    one, two = limits.enter(b"b", 9, 0), limits.enter(b"c", 9, 0)
    assert len({one, two}) == 2
    assert limits.enter(b"d", 9, 0) == FULL


def test_what_comes_and_goes_by_lot_is_counted_right() -> None:
    lot = random.Random(5)
    limits = zone(64 * 20, seats=3)
    held: list[tuple[bytes, int, int]] = []
    counts: Counter[bytes] = Counter()
    for _ in range(5000):
        if held and lot.random() < 0.5:
            key, record, seat = held.pop(lot.randrange(len(held)))
            limits.leave(record, seat)
            counts[key] -= 1
            continue
        key, seat = b"%d" % lot.randrange(40), lot.randrange(3)
        record = limits.enter(key, 4, seat)
        if counts[key] >= 4:
            assert record == REFUSED
        elif not counts[key] and len(+counts) == 20:
            assert record == FULL
        else:
            assert record > 0
            counts[key] += 1
            held.append((key, record, seat))
    assert all(limits.count(key) == count for key, count in counts.items())


def test_processes_never_admit_one_too_many(file: LockFile) -> None:
    limits = LimitZone(64 * 64, file.lock(), 3)
    admitted, most = carve(("Q", 3), ("Q", 3))

    def work(seat: int) -> None:
        lot = random.Random(seat)
        held: list[int] = []
        for _ in range(1500):
            if held and lot.random() < 0.5:
                admitted[seat] -= 1
                limits.leave(held.pop(), seat)
            else:
                record = limits.enter(b"key", 5, seat)
                if record > 0:
                    held.append(record)
                    admitted[seat] += 1
                    most[seat] = max(most[seat], sum(admitted))
        for record in held:
            admitted[seat] -= 1
            limits.leave(record, seat)

    pids = []
    for seat in range(3):
        pid = os.fork()
        if pid == 0:
            work(seat)
            os._exit(0)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]
    assert 2 <= max(most) <= 5
    assert limits.count(b"key") == 0


def beyond(steps: memoryview, count: int) -> bool:
    return bool(steps[0] > count)


def test_a_zone_outlives_workers_that_are_killed_at_any_moment(file: LockFile) -> None:
    limits = LimitZone(64 * 200, file.lock(), 2)
    (steps,) = carve(("Q", 1))

    def work() -> None:
        lot = random.Random(os.getpid())
        held: list[int] = []
        while True:
            steps[0] += 1
            if len(held) > 40 or (held and lot.random() < 0.5):
                limits.leave(held.pop(lot.randrange(len(held))), 1)
            else:
                held.append(limits.enter(b"%d" % lot.randrange(60), 100, 1))

    kept = [limits.enter(b"%d" % key, 100, 0) for key in range(0, 60, 7)]
    for round_ in range(12):
        pid = os.fork()
        if pid == 0:
            work()
        wait_for(partial(beyond, steps, steps[0] + 50 * round_), "the worker works")
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        limits.forget(1)
        assert [limits.count(b"%d" % key) for key in range(60)] == [int(key % 7 == 0) for key in range(60)]
    for record in kept:
        limits.leave(record, 0)
    room = 0
    while limits.enter(b"room %d" % room, 1, 0) != FULL:
        room += 1
    assert limits.capacity - 12 <= room <= limits.capacity
