"""`env`, `worker_cpu_affinity`, `worker_priority`."""

from __future__ import annotations

import pytest
from builds import build, main_mistake

from penstock.shared.conf.builders.process import UNEQUAL
from penstock.shared.model.process import CpuAffinity, Variable


def affinity(text: str) -> CpuAffinity | None:
    return build(text).main.worker_cpu_affinity


def test_nothing_written_changes_nothing() -> None:
    main = build("").main
    assert (main.environment, main.worker_priority, main.worker_cpu_affinity) == ((), 0, None)


def test_variables_are_kept_or_given() -> None:
    found = build("env A; env B=1=2; env C=; env =x; env '';").main.environment
    assert found == (Variable("A"), Variable("B", "1=2"), Variable("C", ""))


@pytest.mark.parametrize(("text", "value"), [("-5", -5), ("+5", 5), ("10", 10)])
def test_priorities(text: str, value: int) -> None:
    assert build(f"worker_priority {text};").main.worker_priority == value


def test_masks_are_read_from_the_right() -> None:
    text = 'worker_processes 2; worker_cpu_affinity 0101 "1000 0000";'
    assert affinity(text) == CpuAffinity((frozenset({0, 2}), frozenset({7})))
    assert build(text).notices == ()


def test_auto_with_and_without_a_mask() -> None:
    assert affinity("worker_cpu_affinity auto;") == CpuAffinity((), auto=True)
    assert affinity("worker_cpu_affinity auto 110;") == CpuAffinity((frozenset({1, 2}),), auto=True)


@pytest.mark.parametrize(("masks", "warned"), [("1", False), ("01 10", True), ("1 1 1", False), ("1 1 1 1", True)])
def test_as_many_masks_as_workers_or_one(masks: str, warned: bool) -> None:
    notices = build(f"worker_processes 3; worker_cpu_affinity {masks};").notices
    assert [notice.text for notice in notices] == [UNEQUAL] * warned


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("012", 'invalid character "2" in "worker_cpu_affinity"'),
        ("auto x", 'invalid character "x" in "worker_cpu_affinity"'),
        ("auto 1 1", 'invalid number of arguments in "worker_cpu_affinity" directive'),
        ("0" * 1025, '"worker_cpu_affinity" supports up to 1024 CPUs only'),
    ],
)
def test_mistakes(words: str, complaint: str) -> None:
    assert main_mistake(f"worker_cpu_affinity {words};").text == complaint
