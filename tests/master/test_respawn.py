"""The wait before a worker is born again."""

from __future__ import annotations

from penstock.master.respawn import LONGEST, YOUNG, Backoff


def test_the_first_death_is_made_good_at_once() -> None:
    assert Backoff().delay(0.0) == 0.0


def test_who_keeps_dying_young_waits_longer_each_time_up_to_a_limit() -> None:
    backoff = Backoff()
    delays = [backoff.delay(0.01) for _ in range(10)]
    assert delays == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, LONGEST, LONGEST, LONGEST]


def test_who_grew_old_is_forgiven() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.delay(0.01)
    assert backoff.delay(YOUNG) == 0.0
