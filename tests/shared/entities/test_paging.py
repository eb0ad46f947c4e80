"""Sizes, offsets and filters of lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.shared.entities.paging import Page, Tags, offset_of, offset_text, size_of, tags_of
from penstock.shared.entities.violation import Violation


@pytest.mark.parametrize(("text", "size"), [(None, 100), ("1", 1), ("1000", 1000), ("5.0", 5)])
def test_sizes(text: str | None, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "size must be a number"),
        ("", "size must be a number"),
        ("nan", "size must be a number"),
        ("0", "size must be an integer between 1 and 1000"),
        ("1001", "size must be an integer between 1 and 1000"),
        ("1.5", "size must be an integer between 1 and 1000"),
        ("inf", "size must be an integer between 1 and 1000"),
    ],
)
def test_bad_sizes(text: str, message: str) -> None:
    with pytest.raises(Violation) as raised:
        size_of(text)
    assert (raised.value.code, raised.value.message) == (9, message)


@given(st.text(), st.text())
def test_an_offset_is_read_as_it_was_written(one: str, other: str) -> None:
    assert offset_of(offset_text(one)) == (one,)
    assert offset_of(offset_text([one, other]), 2) == (one, other)


@pytest.mark.parametrize("text", ["x", "!!", "", "bm8", "WzFd", "W10", "ü"])
def test_bad_offsets(text: str) -> None:
    with pytest.raises(Violation, match=f"'{text}' is not a valid offset"):
        offset_of(text)


def test_no_offset_is_the_beginning() -> None:
    assert offset_of(None) is None


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (None, None),
        ("a", Tags(("a",))),
        ("a,b", Tags(("a", "b"))),
        ("a/b", Tags(("a", "b"), every=False)),
        ("a b", Tags(("a b",))),
    ],
)
def test_filters(text: str | None, tags: Tags | None) -> None:
    assert tags_of(text) == tags


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid option (tags: cannot be null)"),
        ("a,b/c", "invalid option (tags: invalid filter syntax)"),
        ("a,", "invalid option (tags: invalid filter syntax)"),
        ("a\n", "invalid option (tags: invalid filter syntax)"),
        (",".join(map(str, range(101))), "invalid option (tags: invalid filter syntax)"),
    ],
)
def test_bad_filters(text: str, message: str) -> None:
    with pytest.raises(Violation) as raised:
        tags_of(text)
    assert (raised.value.code, raised.value.message) == (11, message)


def test_a_page_says_where_the_next_one_is() -> None:
    body = Page(({"id": "x"},), "abc").body("/services", {"size": "1"})
    assert body == {"data": [{"id": "x"}], "next": "/services?offset=abc&size=1", "offset": "abc"}


def test_the_last_page_has_no_offset() -> None:
    assert Page((), None).body("/services") == {"data": [], "next": None}
