"""The steps of the schema."""

from __future__ import annotations

import pytest

from penstock.master.store.migrations import NEWEST, PLACES, STEPS, age, pending, problem


def test_steps_that_were_run_are_not_run_again() -> None:
    assert list(pending(0)) == list(range(1, NEWEST + 1))
    assert list(pending(NEWEST)) == []
    assert len(STEPS) == NEWEST


@pytest.mark.parametrize(
    ("done", "advice"),
    [(0, 'run "penstock migrations bootstrap"'), (NEWEST, ""), (NEWEST + 1, "use a newer Penstock")],
)
def test_what_is_wrong_with_a_schema(done: int, advice: str) -> None:
    text = problem(done, "it")
    assert text.endswith(advice) if advice else text == ""


def test_what_comes_later_is_younger() -> None:
    assert age(1, 0) < age(1, 1) < age(1, PLACES * 2) < age(2, 0)
