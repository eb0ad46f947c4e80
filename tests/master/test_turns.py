"""A loop in slices."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from signal import Signals

import pytest

from penstock.master.signals import PRECEDENCE
from penstock.master.turns import Turns


class Record:
    """What was done, in its order."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.turns = Turns(self.done.append, self.done.append)

    def until(self, count: int) -> list[object]:
        self.turns.run_while(lambda: len(self.done) < count)
        return self.done

    def does(self, what: object) -> Callable[[], object]:
        return lambda: self.done.append((what, running()))


def running() -> bool:
    """Whether a loop is on the stack."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@pytest.fixture
def record() -> Iterator[Record]:
    before = {number: signal.getsignal(number) for number in PRECEDENCE}
    made = Record()
    made.turns.catch_signals()
    yield made
    made.turns.loop.close()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_what_is_posted_is_done_in_its_order_with_no_loop_on_the_stack(record: Record) -> None:
    record.turns.post(record.does(1))
    record.turns.post(lambda: record.turns.post(record.does(2)))
    assert record.until(2) == [(1, False), (2, False)]
    record.turns.later(0.001, record.does(3))
    assert record.until(3) == [(1, False), (2, False), (3, False)]


def test_signals_wait_for_their_turn_behind_actions(record: Record) -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGTERM)
    record.turns.post(record.does(1))
    assert record.until(3) == [(1, False), Signals.SIGTERM, Signals.SIGHUP]


def test_a_signal_wakes_a_loop_that_waits(record: Record) -> None:
    record.turns.loop.call_later(0.001, os.kill, os.getpid(), signal.SIGUSR1)
    assert record.until(1) == [Signals.SIGUSR1]


def test_a_mistake_inside_the_loop_is_told_too(record: Record) -> None:
    async def wrong() -> None:
        raise KeyError("a task")

    record.turns.loop.call_later(0.001, lambda: 1 / 0)
    record.turns.loop.create_task(wrong())
    record.turns.later(0.02, record.does("last"))
    record.turns.run_while(lambda: ("last", False) not in record.done)
    assert {"ZeroDivisionError: division by zero", "KeyError: 'a task'"} <= set(record.done)


def test_a_mistake_is_told_and_ends_nothing(record: Record) -> None:
    record.turns.post(lambda: 1 / 0)
    record.turns.post(record.does(2))
    done = record.until(3)
    assert "ZeroDivisionError: division by zero" in done
    assert done[-1] == (2, False)
