"""Readiness by edges, turns, and handlers that crash."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from descriptors import numbers_below_taken
from turning import Loop

from penstock.worker.reactor import BATCH, LEVEL, Reactor

IN = select.EPOLLIN
OUT = select.EPOLLOUT


class Reacting(Loop):
    """A reactor on a loop, and sockets to watch."""

    def __init__(self) -> None:
        super().__init__()
        self.crashes: list[BaseException] = []
        self.reactor = Reactor(self.loop, self.crashed)
        self.sockets: list[socket.socket] = []

    def crashed(self, error: BaseException, _handler: object) -> None:
        self.crashes.append(error)

    def pair(self) -> tuple[socket.socket, socket.socket]:
        pair = socket.socketpair()
        self.sockets += pair
        for one in pair:
            one.setblocking(False)
        return pair

    def watch(self, sock: socket.socket, handler: Callable[[int], object]) -> int:
        self.reactor.watch(sock.fileno(), handler)
        return sock.fileno()

    def close(self) -> None:
        self.reactor.close()
        for sock in self.sockets:
            sock.close()
        self.loop.close()


@pytest.fixture
def reacting() -> Iterator[Reacting]:
    reacting = Reacting()
    try:
        yield reacting
    finally:
        reacting.close()


def test_what_is_ready_already_gives_its_first_edge(reacting: Reacting) -> None:
    near, far = reacting.pair()
    far.send(b"x")
    masks: list[int] = []
    reacting.watch(near, masks.append)
    reacting.until(lambda: masks)
    assert masks == [IN | OUT]


def test_an_edge_is_not_repeated_but_new_bytes_give_another(reacting: Reacting) -> None:
    near, far = reacting.pair()
    masks: list[int] = []
    reacting.watch(near, masks.append)
    far.send(b"x")
    reacting.until(lambda: masks)
    for _ in range(5):
        reacting.turn()
    assert len(masks) == 1
    far.send(b"y")
    reacting.until(lambda: len(masks) == 2)


def test_a_level_is_repeated_until_it_is_dealt_with(reacting: Reacting) -> None:
    near, far = reacting.pair()
    masks: list[int] = []
    reacting.reactor.watch(near.fileno(), masks.append, LEVEL)
    far.send(b"x")
    reacting.until(lambda: len(masks) > 5)
    near.recv(1)
    reacting.turn()
    heard = len(masks)
    reacting.turn()
    assert len(masks) == heard


def test_the_end_of_the_other_side_is_an_edge(reacting: Reacting) -> None:
    near, far = reacting.pair()
    masks: list[int] = []
    reacting.watch(near, masks.append)
    reacting.until(lambda: masks)
    far.shutdown(socket.SHUT_WR)
    reacting.until(lambda: masks[-1] & select.EPOLLRDHUP)


def test_what_is_unwatched_is_silent_and_can_be_watched_again(reacting: Reacting) -> None:
    near, far = reacting.pair()
    masks: list[int] = []
    fd = reacting.watch(near, masks.append)
    reacting.reactor.unwatch(fd)
    far.send(b"x")
    reacting.turn()
    assert not masks
    reacting.watch(near, masks.append)
    reacting.until(lambda: masks)


def test_a_descriptor_of_any_size_can_be_watched(reacting: Reacting) -> None:
    masks: list[int] = []
    with numbers_below_taken(1500):
        near, _ = reacting.pair()
    assert reacting.watch(near, masks.append) >= 1500
    reacting.until(lambda: masks)


def test_more_than_a_batch_of_descriptors_are_all_served(reacting: Reacting) -> None:
    heard: set[int] = set()

    def hear(fd: int, _mask: int) -> None:
        heard.add(fd)

    pairs = [reacting.pair() for _ in range(BATCH + 20)]
    for near, _ in pairs:
        reacting.watch(near, partial(hear, near.fileno()))
    reacting.until(lambda: len(heard) == len(pairs))


def test_a_turn_is_taken_after_the_others_had_theirs(reacting: Reacting) -> None:
    order: list[str] = []
    fast, other = reacting.pair()

    def greedy(_mask: int = 0) -> None:
        order.append("greedy")
        if order.count("greedy") < 20:
            reacting.reactor.again(greedy)

    reacting.watch(fast, greedy)
    reacting.watch(other, lambda _mask: order.append("other"))
    reacting.until(lambda: order.count("greedy") == 20)
    assert order.index("other") <= 1


def test_who_asks_without_end_leaves_the_loop_its_turn(reacting: Reacting) -> None:
    turns: list[int] = []
    looped: list[int] = []

    def greedy() -> None:
        turns.append(1)
        reacting.reactor.again(greedy)

    reacting.reactor.again(greedy)
    reacting.loop.call_later(0.01, looped.append, 1)
    reacting.until(lambda: looped)
    assert turns


def test_a_turn_that_is_asked_for_outside_a_wake_up_is_taken(reacting: Reacting) -> None:
    turns: list[int] = []
    reacting.reactor.again(lambda: turns.append(1))
    reacting.until(lambda: turns)


def test_the_clock_is_that_of_the_wake_up(reacting: Reacting) -> None:
    near, _ = reacting.pair()
    before = reacting.reactor.now
    seen: list[float] = []
    reacting.watch(near, lambda _mask: seen.append(reacting.reactor.now))
    reacting.until(lambda: seen)
    assert seen[0] >= before


def test_a_handler_that_crashes_is_told_and_the_others_are_served(reacting: Reacting) -> None:
    served: list[int] = []
    bad, good = reacting.pair()
    reacting.watch(bad, lambda _mask: 1 / 0)
    reacting.watch(good, served.append)
    reacting.until(lambda: served)
    assert [type(error) for error in reacting.crashes] == [ZeroDivisionError]


def test_a_turn_that_crashes_is_told_and_the_others_are_taken(reacting: Reacting) -> None:
    turns: list[int] = []
    reacting.reactor.again(lambda: 1 / 0)
    reacting.reactor.again(lambda: turns.append(1))
    reacting.until(lambda: turns)
    assert [type(error) for error in reacting.crashes] == [ZeroDivisionError]


def test_a_handler_of_the_same_batch_that_was_taken_away_is_not_called(reacting: Reacting) -> None:
    one, other = reacting.pair()
    calls: list[str] = []

    def take_away(name: str, fd: int) -> None:
        calls.append(name)
        reacting.reactor.handlers[fd] = None

    reacting.watch(one, lambda _mask: take_away("one", other.fileno()))
    reacting.watch(other, lambda _mask: take_away("other", one.fileno()))
    reacting.until(lambda: calls)
    reacting.turn()
    assert len(calls) == 1


def test_an_event_of_a_closed_socket_is_not_given_to_the_next_one_with_its_number(reacting: Reacting) -> None:
    one, far = reacting.pair()
    other, far_other = reacting.pair()
    masks: list[int] = []
    numbers: set[int] = set()

    def replace(old: socket.socket) -> None:
        """Close a socket that has an event in this batch, and watch a new one that gets its number."""
        if numbers:
            return
        fd = old.fileno()
        old.close()
        new, _ = reacting.pair()
        assert fd == new.fileno()
        numbers.add(fd)
        reacting.watch(new, masks.append)

    reacting.watch(one, lambda _mask: replace(other))
    reacting.watch(other, lambda _mask: replace(one))
    for end in (far, far_other):
        end.shutdown(socket.SHUT_RDWR)
    reacting.until(lambda: masks)
    assert masks == [OUT], "a new socket heard the hang-up of the old one"
