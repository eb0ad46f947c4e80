"""Births, messages and deaths, in a loop that runs in slices."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import uvloop
from configurations import configuration
from deadline import seconds

from penstock.master.child import Child, WorkerMain, death_of
from penstock.master.generation import ContextPool, Generation, Logs
from penstock.master.ledger import Ledger
from penstock.master.listeners import plan_of
from penstock.master.nursery import Nursery
from penstock.shared.birth import Birth
from penstock.shared.messages import Verb, encode


class Ward:
    """A nursery with a generation of one worker, and what was heard of it."""

    def __init__(self, enter: WorkerMain) -> None:
        self.loop = uvloop.new_event_loop()
        self.actions: deque[Callable[[], object]] = deque()
        self.events: list[str] = []
        self.nursery = Nursery(self.loop, self.actions.append, enter, Ledger(), self.heard, self.died)
        wanted = configuration()
        self.generation = Generation(1, wanted, plan_of(wanted), Logs(wanted, time.time, 2), ContextPool())

    def heard(self, _: Child, verb: Verb, text: str) -> None:
        self.events.append(f"{verb.name} {text}".strip())

    def died(self, child: Child, status: int) -> None:
        self.generation.forget(child)
        self.events.append(death_of(status))

    def until(self, condition: Callable[[], bool]) -> None:
        """Slices of the loop, each followed by what it posted."""
        end = time.monotonic() + seconds(10)
        while not condition():
            assert time.monotonic() < end, self.events
            self.loop.run_until_complete(asyncio.sleep(0.005))
            while self.actions:
                self.actions.popleft()()

    def live(self) -> list[str]:
        """Have a worker born, and wait for its end."""
        self.nursery.spawn(self.generation, 0)
        self.until(lambda: len(self.nursery) == 0)
        return self.events


@pytest.fixture
def ward() -> Iterator[Callable[[WorkerMain], Ward]]:
    wards: list[Ward] = []

    def made(enter: WorkerMain) -> Ward:
        wards.append(Ward(enter))
        return wards[-1]

    yield made
    for one in wards:
        for child in one.nursery:
            child.kill()
        one.until(lambda one=one: len(one.nursery) == 0)  # type: ignore[misc]  # a default binds the loop's value
        one.generation.logs.close()
        one.loop.close()


def says_and_dies(birth: Birth) -> NoReturn:
    birth.control.send(encode(Verb.READY))
    birth.control.send(encode(Verb.FAILED, "last words"))
    os._exit(3)


def test_last_words_are_heard_before_the_death(ward: Callable[[WorkerMain], Ward]) -> None:
    assert ward(says_and_dies).live() == ["READY", "FAILED last words", "exited with code 3"]


def babbles(birth: Birth) -> NoReturn:
    birth.control.send(b"\xff nonsense")
    birth.control.send(encode(Verb.READY))
    os._exit(0)


def test_what_is_no_message_is_passed_over(ward: Callable[[WorkerMain], Ward]) -> None:
    assert ward(babbles).live()[-1] == "exited with code 0"


def describes(birth: Birth) -> NoReturn:
    birth.control.send(encode(Verb.PLUGIN, '{"name": "a", "priority": 5}'))
    birth.control.send(encode(Verb.READY))
    os._exit(0)


def test_what_a_worker_says_of_plugins_is_known_of_its_generation(ward: Callable[[WorkerMain], Ward]) -> None:
    one = ward(describes)
    assert one.live() == ["READY", "exited with code 0"]
    assert one.nursery.descriptions.of(1) == {"a": {"name": "a", "priority": 5}}


def counts(birth: Birth) -> NoReturn:
    birth.row[birth.layout.session_duration.sum_at] += 7
    os._exit(0)


def test_what_the_dead_have_counted_stays(ward: Callable[[WorkerMain], Ward]) -> None:
    one = ward(counts)
    one.live()
    one.live()
    assert one.generation.rows[0][one.generation.layout.session_duration.sum_at] == 0  # folded, and given on empty


def closes_its_control(birth: Birth) -> NoReturn:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    birth.control.close()
    signal.sigwait([signal.SIGUSR1])
    os._exit(0)


def test_a_closed_control_socket_is_no_death_yet(ward: Callable[[WorkerMain], Ward]) -> None:
    one = ward(closes_its_control)
    child = one.nursery.spawn(one.generation, 0)
    one.until(lambda: bool(select.select([child.control], [], [], 0)[0]))
    one.loop.run_until_complete(asyncio.sleep(0))  # the turn in which the nursery reads the end
    assert (len(one.nursery), one.events) == (1, [])
    os.kill(child.pid, signal.SIGUSR1)
    one.until(lambda: len(one.nursery) == 0)
    assert one.events == ["exited with code 0"]


def test_strangers_are_reaped_and_workers_left_for_their_turn() -> None:
    """In a process of its own, whose children are all known."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if strangers_are_reaped() else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


def strangers_are_reaped() -> bool:
    ward = Ward(counts)
    stranger = os.fork()
    if stranger == 0:
        os._exit(0)
    os.waitid(os.P_PID, stranger, os.WEXITED | os.WNOWAIT)
    ward.nursery.reap_strangers()
    try:
        os.waitpid(stranger, 0)
    except ChildProcessError:
        return ward.live() == ["exited with code 0"]
    return False


def test_the_log_of_a_generation_is_open(tmp_path: Path, ward: Callable[[WorkerMain], Ward]) -> None:
    assert ward(counts).generation.logs.files.fds()
    assert not list(tmp_path.iterdir())


def test_a_child_that_is_spared_keeps_its_status_for_somebody_else() -> None:
    ward = Ward(lambda _: os._exit(0))
    child = os.fork()
    if child == 0:
        os._exit(3)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    ward.nursery.spare(child)
    ward.nursery.reap_strangers()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
