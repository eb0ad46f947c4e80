"""Sorted lists and keys of a table."""

from __future__ import annotations

from catalogs import SERVICE, Desk

from penstock.shared.entities.table import after, holds, together_key
from penstock.shared.entities.upstreams import TARGETS

AUTHORITY = "6a0c0000-0000-4000-8000-000000000000"


def test_places_in_sorted_lists() -> None:
    ids = ["a", "c"]
    assert [after(ids, offset) for offset in (None, "a", "b", "c", "d")] == [0, 1, 1, 2, 2]
    assert [holds(ids, each) for each in "abcd"] == [True, False, True, False]


def test_values_that_are_unique_together_are_one_key() -> None:
    assert together_key(TARGETS, {"target": "a:1", "upstream": {"id": "u"}}) == ("a:1", "u")


def test_who_trusts_an_authority_is_known_as_long_as_it_does() -> None:
    desk = Desk()
    body = {"name": "s", "url": "tls://a.test:1", "ca_certificates": [AUTHORITY, AUTHORITY]}
    made = desk.post("services", body)
    table = desk.catalog.table("services")
    assert table.trusting(AUTHORITY) == [made["id"]]
    desk.patch("services", "s", {"ca_certificates": None})
    assert table.trusting(AUTHORITY) == ()


def test_nothing_is_left_of_what_is_gone() -> None:
    desk = Desk()
    made = desk.post("services", {**SERVICE, "tags": ["x"]})
    desk.delete("services", "s")
    table = desk.catalog.table("services")
    assert (table.ids, table.records, table.tagged("x"), list(table.tags)) == ([], {}, (), [])
    assert table.by_unique("name", "s") is None
    table.put(made["id"], None)
