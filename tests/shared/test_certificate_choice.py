"""Which certificate answers."""

from __future__ import annotations

import pytest

from penstock.shared.certificate_choice import CertificateChoice
from penstock.shared.model.stream import Certificate


def choice(*names: str) -> CertificateChoice:
    return CertificateChoice([Certificate((), tuple(each.split())) for each in names])


ALL = ("", "*", "a.*", "*.b.test", "a.b.test")


def test_the_more_specific_name_is_chosen() -> None:
    assert [choice(*ALL[:count]).choose("a.b.test") for count in range(1, 6)] == [0, 1, 1, 3, 4]
    assert [choice(*ALL[:count]).choose("a.test") for count in range(1, 6)] == [0, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("b.test", 1),
        ("x.b.test", 3),
        ("x.y.b.test", 1),
        ("a.x", 2),
        ("a.x.y", 1),
        ("A.B.Test.", 4),
        (".b.test", 1),
        ("a.", 1),
        ("", 1),
        (None, 1),
        ("*.b.test", 3),
        ("a" * 300 + ".b.test", 1),
    ],
)
def test_a_star_is_one_label(name: str | None, index: int) -> None:
    assert choice(*ALL).choose(name) == index


def test_without_a_star_the_one_without_names_is_the_default() -> None:
    assert choice("a.test", "", "").choose("b.test") == 1
    assert choice("a.test", "").choose(None) == 1


def test_without_a_default_there_is_none() -> None:
    assert choice("a.test").choose("b.test") is None
    assert choice("a.test").choose(None) is None
    assert choice().choose("a.test") is None


def test_of_equal_names_the_older_counts() -> None:
    assert choice("a.test b.test", "b.test").choose("b.test") == 0
