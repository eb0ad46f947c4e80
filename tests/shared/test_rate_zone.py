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


def test_so_many_are_granted_in_each_window() -> None:
    rates = zone()
    assert [rates.spend(b"a", 3, 7, 100.0, 160.0) for _ in range(4)] == [0.0, 0.0, 0.0, 60.0]
    assert rates.spend(b"a", 3, 7, 159.0, 160.0) == 1.0
    assert [rates.spend(b"a", 3, 8, 160.0, 220.0) for _ in range(4)] == [0.0, 0.0, 0.0, 60.0]


def test_windows_of_keys_are_their_own_also_where_one_takes_anothers_place() -> None:
    rates = zone(1)
    for number in range(200):
        key = b"%d" % number
        assert [rates.spend(key, 2, 7, float(number), 1000.0 + number) > 0 for _ in range(3)] == [False, False, True]


def test_a_clock_that_goes_back_begins_a_window() -> None:
    rates = zone()
    assert rates.spend(b"a", 1, 7, 0.0, 60.0) == 0.0
    assert rates.spend(b"a", 1, 6, 0.0, 30.0) == 0.0


def test_a_window_is_exact_over_processes() -> None:
    locks = LockFile()
    rates = RateZone(1000, locks.lock())
    reading, writing = os.pipe()
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            granted = sum(rates.spend(b"a", 100, 7, 0.0, 60.0) == 0.0 for _ in range(60))
            os.write(writing, bytes([granted]))
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    assert sum(os.read(reading, 4)) == 100
    os.close(reading)
    os.close(writing)
    locks.close()
