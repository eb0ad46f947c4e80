"""Queued signals: nginx's order, merged, and gone in a child."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from penstock.master.signals import PRECEDENCE, SignalQueue, received, restore_defaults


@pytest.fixture
def woken() -> list[int]:
    return []


@pytest.fixture
def queue(woken: list[int]) -> Iterator[SignalQueue]:
    before = {number: signal.getsignal(number) for number in PRECEDENCE}
    queue = SignalQueue(lambda: woken.append(1))
    queue.install()
    yield queue
    for number, handler in before.items():
        signal.signal(number, handler)


def taken(queue: SignalQueue) -> list[int]:
    found = []
    while (number := queue.take()) is not None:
        found.append(number.value)
    return found


def test_what_ends_the_master_goes_before_what_changes_it(queue: SignalQueue) -> None:
    for number in reversed(PRECEDENCE):
        os.kill(os.getpid(), number)
    assert taken(queue) == list(PRECEDENCE)


def test_a_signal_that_came_twice_is_handled_once(queue: SignalQueue, woken: list[int]) -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGHUP)
    assert woken == [1, 1]
    assert taken(queue) == [signal.SIGHUP]
    assert not queue


def test_a_child_has_the_default_handlers_again(queue: SignalQueue) -> None:
    assert not queue
    child = os.fork()
    if child == 0:
        restore_defaults()
        os.kill(os.getpid(), signal.SIGHUP)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGHUP


def test_a_line_in_nginx_words() -> None:
    assert received(signal.SIGHUP) == "signal 1 (SIGHUP) received, reconfiguring"
