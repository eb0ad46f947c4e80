"""Text from the network in a log line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.shared.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gateway.example.test", "gateway.example.test"),
        ("", ""),
        ("two words", "two words"),
        ("a\n[emerg] b", r"a\x0A[emerg] b"),
        ("nul\0", r"nul\x00"),
        ("\x1b[31m", r"\x1B[31m"),
        ('quote"', r"quote\x22"),
        ("back\\slash", r"back\x5Cslash"),
        ("\xe9", r"\xE9"),
        ("\u202e", r"\u{202E}"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    assert printable("a" * 255) == "a" * 255
    assert printable("a" * 256) == "a" * 255 + "... (256 characters)"
    assert printable("\n\n\n", limit=2) == r"\x0A\x0A... (3 characters)"


@settings(deadline=None)
@given(st.text(max_size=300))
def test_a_line_stays_one_line_of_ascii(text: str) -> None:
    shown = printable(text)
    assert shown.isascii()
    assert shown.isprintable()
    assert '"' not in shown
