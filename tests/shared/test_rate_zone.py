"""Rates per key, in memory that processes share."""

from __future__ import annotations

import os

import pytest

from penstock.shared.rate_zone import WAYS, RateZone
from penstock.shared.zones import UNSHARED, LockFile


def zone(keys: int = 1000) -> RateZone:
    return RateZone(keys, UNSHARED)


def test_a_burst_is_granted_at_once_and_then_the_rate() -> None:
    rates = zone()
    assert [rates.take(b"a", 2.0, 3, 100.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert rates.take(b"a", 2.0, 3, 100.0) == pytest.approx(0.5)
    assert rates.take(b"a", 2.0, 3, 100.5) == 0.0
    assert rates.take(b"a", 2.0, 3, 100.5) > 0


def test_what_is_refused_costs_nothing() -> None:
    rates = zone()
    rates.take(b"a", 1.0, 1, 0.0)
    waits = [rates.take(b"a", 1.0, 1, 0.25) for _ in range(5)]
    assert waits == [pytest.approx(0.75)] * 5


def test_a_budget_is_never_larger_than_the_burst() -> None:
    rates = zone()
    rates.take(b"a", 10.0, 2, 0.0)
    assert [rates.take(b"a", 10.0, 2, 1000.0) > 0 for _ in range(3)] == [False, False, True]


def test_keys_do_not_share() -> None:
    rates = zone()
    assert all(rates.take(b"%d" % number, 1.0, 1, 5.0) == 0.0 for number in range(500))
    assert all(rates.take(b"%d" % number, 1.0, 1, 5.0) > 0 for number in range(500))
    assert rates.evicted == 0


def test_where_there_is_no_room_the_oldest_goes_and_is_counted() -> None:
    rates = zone(1)
    for number in range(WAYS * 4 + 1):
        rates.take(b"%d" % number, 1.0, 1, float(number) / 1000)
    assert rates.evicted > 0
    assert rates.take(b"%d" % (WAYS * 4), 1.0, 1, 0.04) > 0


def test_processes_share_a_budget_exactly() -> None:
    locks = LockFile()
    rates = RateZone(100, locks.lock())
    children = []
    for _ in range(4):
        reading, writing = os.pipe()
        if os.fork() == 0:
            mine = sum(rates.take(b"a", 0.001, 100, 1.0) == 0.0 for _ in range(60))
            os.write(writing, bytes((mine,)))
            os._exit(0)
        os.close(writing)
        children.append(reading)
    granted = [os.read(reading, 1)[0] for reading in children]
    for reading in children:
        os.close(reading)
        os.wait()
    locks.close()
    assert sum(granted) == 100
