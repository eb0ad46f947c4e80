"""Server names and wildcards."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.shared.name_table import EXACT, NameTable, rank_of

PATTERNS = ["a.b.test", "*.b.test", "*.test", "a.*", "a.b.*", "*.a.b.test", "b.*", "*.x"]
LABELS = st.lists(st.sampled_from(["a", "b", "test", "x", "", "*"]), min_size=1, max_size=5).map(".".join)


def test_every_pattern_that_matches_is_found() -> None:
    found = NameTable({pattern: pattern for pattern in PATTERNS}).find("a.b.test")
    assert sorted(found, reverse=True) == [
        (EXACT, "a.b.test"),
        (8, "*.b.test"),
        (6, "*.test"),
        (5, "a.b.*"),
        (3, "a.*"),
    ]


def test_an_exact_name_is_not_taken_for_a_pattern() -> None:
    table = NameTable({"*.test": 1, "a.test": 2})
    assert (table.exact("a.test"), table.exact("*.test")) == (2, None)
    assert table.find("*.test") == [(6, 1)]


@settings(deadline=None)
@given(LABELS)
def test_the_table_agrees_with_the_pattern_alone(name: str) -> None:
    expected = {(rank, pattern) for pattern in PATTERNS if (rank := rank_of(pattern, name)) is not None}
    assert set(NameTable({pattern: pattern for pattern in PATTERNS}).find(name)) == expected
