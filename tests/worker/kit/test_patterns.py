"""Lists with `*`."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.worker.kit.patterns import Patterns


@pytest.mark.parametrize(
    ("written", "text", "fits"),
    [
        ("a.test", "a.test", True),
        ("a.test", "aatest", False),
        ("*.test", "a.b.test", True),
        ("*.test", ".test", True),
        ("*.test", "test", False),
        ("CN=*,O=E[x]", "CN=a\nb,O=E[x]", True),
        ("t13*h2*", "t13d1516h2_8d", True),
        ("t13*h2*", "t13d1516h1_8d", False),
        ("*", "", True),
        ("a**b", "ab", True),
    ],
)
def test_a_star_stands_for_anything(written: str, text: str, fits: bool) -> None:
    assert (text in Patterns([written])) is fits


def test_one_of_many_is_enough_and_of_none_is_not() -> None:
    assert "b.test" in Patterns(["a.test", "b.*", "c.test"])
    assert "b.test" not in Patterns([])


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_it_means_what_the_naive_expression_means(written: str, text: str) -> None:
    naive = re.fullmatch(".*".join(map(re.escape, written.split("*"))), text) is not None
    assert (text in Patterns([written])) is naive


def test_no_text_makes_it_slow() -> None:
    patterns = Patterns(["*a*a*a*a*a*a*a*a*a*a*b"])
    begun = time.process_time()
    assert "a" * 20_000 not in patterns
    assert time.process_time() - begun < 1
