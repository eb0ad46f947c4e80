"""Deadlines, on a clock that the test moves and on the real one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from turning import Loop

from penstock.worker import wheel as wheel_module
from penstock.worker.reactor import Reactor
from penstock.worker.wheel import FINE, NEAR, Timed, Wheel


@dataclass(eq=False)
class Item:
    """Something with a deadline that remembers when it expired."""

    deadline: float = 0.0
    due: float = 0.0
    bucket: set[Timed] | None = None
    fired: list[float] = field(default_factory=list)
    act: Callable[[], object] = lambda: None

    def expired(self) -> None:
        self.fired.append(time.monotonic())
        self.act()


class Turning(Loop):
    """A wheel on a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.crashes: list[BaseException] = []
        self.reactor = Reactor(self.loop, self.crashed)
        self.wheel = Wheel(self.loop, self.reactor, self.crashed)

    def crashed(self, error: BaseException, _handler: object) -> None:
        self.crashes.append(error)

    def put(self, seconds: float, item: Item | None = None) -> Item:
        item = item or Item()
        now = time.monotonic()
        self.wheel.put(item, now, now + seconds)
        return item

    def move(self, item: Item, seconds: float) -> None:
        now = time.monotonic()
        self.wheel.move(item, now, now + seconds)

    def fire(self, item: Item, within: float = 5) -> float:
        self.until(lambda: item.fired, "the item expires", within)
        return item.fired[0]

    def close(self) -> None:
        self.wheel.close()
        self.reactor.close()
        self.loop.close()


@pytest.fixture
def turning() -> Iterator[Turning]:
    wheel = Turning()
    try:
        yield wheel
    finally:
        wheel.close()


def test_a_near_deadline_is_met_within_a_tick(turning: Turning) -> None:
    item = turning.put(0.1)
    late = turning.fire(item) - item.deadline
    assert 0 <= late < 0.5
    assert item.due - item.deadline <= 1 / FINE


def test_a_far_deadline_waits_for_a_whole_second(turning: Turning) -> None:
    item = turning.put(NEAR + 20)
    assert item.due == int(item.due)
    assert 0 < item.due - item.deadline <= 1


def test_what_is_due_at_once_expires_at_the_next_tick(turning: Turning) -> None:
    item = turning.put(0.0)
    turning.fire(item)
    assert item.fired[0] >= item.deadline


def test_each_expires_once_and_in_order(turning: Turning) -> None:
    items = [turning.put(delay) for delay in (0.3, 0.1, 0.2)]
    turning.fire(items[0])
    assert [len(item.fired) for item in items] == [1, 1, 1]
    assert items[1].fired < items[2].fired < items[0].fired


def test_a_deadline_that_its_owner_stored_later_is_met_then(turning: Turning) -> None:
    item = turning.put(0.05)
    item.deadline += 0.3
    assert turning.fire(item) >= item.deadline


def test_a_deadline_is_moved_later_without_another_bucket(turning: Turning) -> None:
    item = turning.put(0.05)
    bucket = item.bucket
    turning.move(item, 0.3)
    assert item.bucket is bucket
    assert turning.fire(item) >= item.deadline


def test_a_deadline_is_moved_earlier(turning: Turning) -> None:
    item = turning.put(3600)
    turning.move(item, 0.05)
    turning.fire(item, within=2)


def test_moving_puts_what_is_in_no_bucket(turning: Turning) -> None:
    item = Item()
    turning.move(item, 0.05)
    turning.fire(item)


def test_what_is_removed_never_expires(turning: Turning) -> None:
    gone, kept = turning.put(0.05), turning.put(0.05)
    Wheel.remove(gone)
    Wheel.remove(gone)
    turning.fire(kept)
    assert not gone.fired
    assert gone.bucket is None


def test_an_item_may_remove_another_of_its_bucket_while_that_comes_due(turning: Turning) -> None:
    one, other = Item(), Item()
    one.act = lambda: Wheel.remove(other)
    other.act = lambda: Wheel.remove(one)
    now = time.monotonic()
    for item in (one, other):
        turning.wheel.put(item, now, now + 0.05)
    turning.until(lambda: one.fired or other.fired)
    turning.fire(turning.put(0.1))
    assert len(one.fired) + len(other.fired) == 1


def test_an_item_may_set_itself_another_deadline_when_it_expires(turning: Turning) -> None:
    item = Item()
    item.act = lambda: len(item.fired) < 3 and turning.put(0.0, item)
    turning.put(0.0, item)
    turning.until(lambda: len(item.fired) == 3)
    assert item.bucket is None


def test_one_that_crashes_is_told_and_the_others_expire(turning: Turning) -> None:
    now = time.monotonic()
    items = [Item(), Item(), Item()]
    items[0].act = items[1].act = lambda: 1 / 0
    for item in items:
        turning.wheel.put(item, now, now + 0.05)
    turning.fire(items[2])
    turning.until(lambda: len(turning.crashes) == 2)
    assert {type(error) for error in turning.crashes} == {ZeroDivisionError}


def test_the_reactors_clock_is_set_for_those_who_expire(turning: Turning) -> None:
    item = Item()
    seen: list[float] = []
    item.act = lambda: seen.append(turning.reactor.now)
    turning.put(0.05, item)
    turning.fire(item)
    assert seen[0] >= item.deadline


def test_buckets_are_bounded_however_far_deadlines_lie(turning: Turning) -> None:
    now = time.monotonic()
    for second in range(0, 100_000, 7):
        item = Item()
        turning.wheel.put(item, now, now + 60 + second)
        Wheel.remove(item)
    assert len(turning.wheel._buckets) <= wheel_module.FARTHEST + NEAR * FINE


def test_a_deadline_beyond_the_farthest_bucket_is_looked_at_on_the_way(turning: Turning) -> None:
    item = turning.put(wheel_module.FARTHEST * 3)
    assert item.due < item.deadline
    turning.move(item, 0.05)
    turning.fire(item, within=2)


def test_closing_cancels_the_timer() -> None:
    turning = Turning()
    item = turning.put(0.05)
    turning.close()
    loop = asyncio.new_event_loop()
    loop.call_later(0.15, loop.stop)
    loop.run_forever()
    loop.close()
    assert not item.fired
