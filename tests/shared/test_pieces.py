"""Work in pieces."""

from __future__ import annotations

from penstock.shared.pieces import Pieces, at_once


def counting(steps: list[int]) -> Pieces[str]:
    for step in range(3):
        steps.append(step)
        yield
    return "done"


def test_work_is_done_to_its_end() -> None:
    steps: list[int] = []
    assert at_once(counting(steps)) == "done"
    assert steps == [0, 1, 2]
