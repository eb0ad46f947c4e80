"""Which processors a worker gets."""

from __future__ import annotations

from penstock.shared.model.process import CpuAffinity

ONE, TWO = frozenset({0, 1}), frozenset({2})


def test_each_worker_has_its_mask_and_the_last_is_for_the_rest() -> None:
    affinity = CpuAffinity((ONE, TWO))
    assert [affinity.of(slot, range(9)) for slot in range(4)] == [ONE, TWO, TWO, TWO]


def test_auto_gives_each_worker_a_processor_in_turn() -> None:
    assert [sorted(CpuAffinity((), auto=True).of(slot, {5, 3})) for slot in range(3)] == [[3], [5], [3]]


def test_auto_may_be_told_which() -> None:
    assert [sorted(CpuAffinity((ONE,), auto=True).of(slot, range(9))) for slot in range(3)] == [[0], [1], [0]]


def test_nothing_to_choose_from_is_no_processor() -> None:
    assert CpuAffinity((frozenset(),), auto=True).of(0, range(9)) == frozenset()
