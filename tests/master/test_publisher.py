"""Who is sent what, who is awaited, and who is replaced: real sockets and processes, the test in the workers' place."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest
from configurations import configuration
from descriptors import descriptors_up_to
from record_making import gone, plugin, put, service

from penstock.master.child import Child, State
from penstock.master.generation import Generation
from penstock.master.publisher import WINDOW, Outcome, Publisher
from penstock.shared.live.live import Live
from penstock.shared.live.records import Changed
from penstock.shared.live.wire import PART, read
from penstock.shared.messages import Verb, decode
from penstock.shared.model.log import Level
from penstock.shared.model.stream import Configuration


class Worker:
    """A process that does nothing, whose end of the control socket the test holds."""

    def __init__(self, slot: int) -> None:
        self.process = subprocess.Popen(("sleep", "1000"))
        ours, self.end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        self.child = Child(self.process.pid, slot, 1, ours, 0.0)
        self.child.state = State.READY

    def hears(self) -> list[tuple[str, int]]:
        """Number and count of changes of every message that is there."""
        heard: list[tuple[str, int]] = []
        while True:
            try:
                message, descriptors, _, _ = socket.recv_fds(self.end, 65536, 1)
            except BlockingIOError:
                return heard
            verb, text = decode(message)
            assert verb is Verb.APPLY
            heard.append((text, len(read(descriptors[0]))))
            os.close(descriptors[0])

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.child.pidfd)
        self.child.control.close()
        self.end.close()


@dataclass
class Served:
    """What the publisher knows of a generation."""

    live: Live | None
    configuration: Configuration
    children: dict[int, Child] = field(default_factory=dict)


class Desk:
    """A publisher, two workers, and what is logged."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.workers = [Worker(0), Worker(1)]
        self.served = Served(
            Live(configuration()), configuration(), {each.child.slot: each.child for each in self.workers}
        )
        self.lines: list[tuple[Level, str]] = []
        self.publisher = Publisher(
            self.loop,
            lambda: [cast(Generation, self.served)],
            lambda level, text: self.lines.append((level, text)),
            deadline=0.05,
        )

    def answer(self, worker: int, text: str, verb: Verb = Verb.APPLIED) -> None:
        self.publisher.heard(self.workers[worker].child, verb, text)

    def outcome(self, future: asyncio.Future[Outcome]) -> Outcome:
        return self.loop.run_until_complete(asyncio.wait_for(future, 10))

    def until(self, met: Callable[[], object]) -> None:
        """Turn the loop until something is so."""
        deadline = self.loop.time() + 10
        while not met():
            assert self.loop.time() < deadline
            self.loop.run_until_complete(asyncio.sleep(0.01))

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(each.child.pid for each in self.workers)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    for worker in made.workers:
        worker.close()
    made.loop.close()


CHANGE = put("services", service("s"))


def test_everybody_is_sent_a_change_and_awaited(desk: Desk) -> None:
    future = desk.publisher.publish(2, [CHANGE])
    assert [worker.hears() for worker in desk.workers] == [[("1", 1)], [("1", 1)]]
    desk.answer(0, "1")
    assert not future.done()
    desk.answer(1, "1")
    assert desk.outcome(future) == Outcome(2, desk.pids)
    assert desk.publisher.version == 2


def test_what_was_published_is_there_for_those_who_are_born_later(desk: Desk) -> None:
    desk.publisher.base([("services", service("old"))], 1)
    desk.publisher.publish(2, [CHANGE, gone("services", "old")])
    assert [record["name"] for record in desk.publisher.records.every("services")] == ["s"]
    live = desk.publisher.live(configuration())
    assert live is not None
    assert [made.service.name for made in live.services()] == ["s"]
    assert desk.served.live is not None
    assert [made.service.name for made in desk.served.live.services()] == ["s"]


def test_without_records_nobody_needs_a_model_of_them(desk: Desk) -> None:
    assert desk.publisher.live(configuration()) is None


def test_nothing_to_change_is_done_at_once(desk: Desk) -> None:
    assert desk.outcome(desk.publisher.publish(2, [])) == Outcome(2)


def test_who_is_not_ready_is_sent_it_and_not_awaited(desk: Desk) -> None:
    desk.workers[1].child.state = State.STARTING
    future = desk.publisher.publish(2, [CHANGE])
    assert desk.workers[1].hears() == [("1", 1)]
    desk.answer(0, "1")
    assert desk.outcome(future) == Outcome(2, desk.pids[:1])


def test_who_is_gone_is_awaited_no_more(desk: Desk) -> None:
    future = desk.publisher.publish(2, [CHANGE])
    desk.answer(0, "1")
    desk.publisher.gone(desk.workers[1].child)
    assert desk.outcome(future) == Outcome(2, desk.pids[:1])


def test_who_is_silent_is_killed(desk: Desk) -> None:
    future = desk.publisher.publish(2, [CHANGE])
    desk.answer(0, "1")
    assert desk.outcome(future) == Outcome(2, desk.pids[:1], desk.pids[1:])
    assert desk.workers[1].process.wait(10) == -9
    assert desk.lines == [
        (Level.ALERT, f"worker process {desk.pids[1]} did not apply a change within 0.051 s and is replaced")
    ]


def test_who_cannot_apply_it_is_killed_and_its_reason_told(desk: Desk) -> None:
    future = desk.publisher.publish(2, [CHANGE])
    desk.answer(1, "1 a mistake", Verb.REJECTED)
    desk.answer(0, "1")
    assert desk.outcome(future) == Outcome(2, desk.pids[:1], desk.pids[1:], ("a mistake",))
    assert desk.workers[1].process.wait(10) == -9


def test_what_was_left_out_is_told(desk: Desk) -> None:
    future = desk.publisher.publish(2, [CHANGE])
    desk.answer(0, "1 no such plugin")
    desk.answer(1, "1")
    assert desk.outcome(future).reasons == ("no such plugin",)


def test_several_changes_are_settled_in_their_order(desk: Desk) -> None:
    first, second = desk.publisher.publish(2, [CHANGE]), desk.publisher.publish(3, [CHANGE])
    for worker in (0, 1):
        desk.answer(worker, "1")
    assert desk.outcome(first).version == 2
    assert not second.done()
    for worker in (0, 1):
        desk.answer(worker, "2")
    assert desk.outcome(second) == Outcome(3, desk.pids)


def test_a_large_set_goes_out_as_it_is_answered(desk: Desk) -> None:
    before = len(os.listdir("/proc/self/fd"))
    count = WINDOW + 4
    future = desk.publisher.publish(2, [put("services", service(str(n))) for n in range(count * PART)])
    following = desk.publisher.publish(3, [CHANGE])
    assert len(desk.workers[0].hears()) == len(desk.workers[1].hears()) == 1
    while desk.publisher.version < 3:
        desk.loop.run_until_complete(asyncio.sleep(0))
    heard = [worker.hears() for worker in desk.workers]
    assert heard[0] == heard[1] == [(str(number + 1), PART) for number in range(1, WINDOW)]
    for worker in (0, 1):
        for number in range(count):
            desk.answer(worker, f"{number + 1} something is left out" if number == 2 else str(number + 1))
    assert len(desk.workers[0].hears()) == len(desk.workers[1].hears()) == 5
    assert desk.outcome(future) == Outcome(2, desk.pids, reasons=("something is left out",))
    assert not following.done()
    for worker in (0, 1):
        desk.answer(worker, str(count + 1))
    assert desk.outcome(following) == Outcome(3, desk.pids)
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_cannot_be_sent_for_want_of_descriptors_is_sent_later(desk: Desk) -> None:
    with descriptors_up_to(0):
        future = desk.publisher.publish(2, [CHANGE])
    assert desk.lines[0][0] is Level.ALERT
    following = desk.publisher.publish(3, [CHANGE])
    desk.until(lambda: desk.publisher.version == 3)
    for number in "12":
        desk.answer(0, number)
        desk.answer(1, number)
    assert [desk.outcome(each).version for each in (future, following)] == [2, 3]


def test_a_change_that_cannot_be_written_down_holds_up_no_other(desk: Desk) -> None:
    future = desk.publisher.publish(2, [Changed("services", "s", {"name": object()})])
    with pytest.raises(TypeError):
        desk.outcome(future)
    assert desk.outcome(desk.publisher.publish(3, [])) == Outcome(3)


def test_who_cannot_be_sent_a_change_is_replaced(desk: Desk) -> None:
    desk.workers[0].child.control.close()
    desk.publisher.publish(2, [CHANGE])
    assert desk.workers[0].process.wait(10) == -9


def test_the_rest_for_one_that_is_gone_is_closed(desk: Desk) -> None:
    before = len(os.listdir("/proc/self/fd"))
    future = desk.publisher.publish(2, [put("services", service(str(n))) for n in range((WINDOW + 2) * PART)])
    while desk.publisher.version < 2:
        desk.loop.run_until_complete(asyncio.sleep(0))
    for worker in desk.workers:
        desk.publisher.gone(worker.child)
        worker.hears()
    assert len(os.listdir("/proc/self/fd")) == before
    assert desk.outcome(future) == Outcome(2)


def test_a_change_behind_a_large_one_has_the_time_of_both(desk: Desk) -> None:
    """A worker that is still at the first is not silent."""
    future = desk.publisher.publish(2, [put("services", service(str(n))) for n in range(PART)])
    following = desk.publisher.publish(3, [CHANGE])
    began = desk.loop.time()
    assert desk.outcome(future).replaced == desk.outcome(following).replaced == desk.pids
    assert desk.loop.time() - began > PART * 0.001


def test_plugins_may_take_their_time(desk: Desk) -> None:
    future = desk.publisher.publish(2, [put("plugins", plugin("geo"))])
    with pytest.raises(TimeoutError):
        desk.loop.run_until_complete(asyncio.wait_for(asyncio.shield(future), 0.2))


def test_what_is_no_record_is_passed_over(desk: Desk) -> None:
    desk.publisher.publish(2, [Changed("routes", "x", {"service": "s"}), Changed("consumers", "y", {})])
    assert len(desk.publisher.records) == 0
