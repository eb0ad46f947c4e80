"""How kinds hang together."""

from __future__ import annotations

from penstock.shared.entities.kinds import LINKS, SCHEMAS, shown_fields, written_fields
from penstock.shared.live.records import KINDS


def test_kinds_are_those_that_sessions_obey_in_the_order_in_which_they_may_be_made() -> None:
    assert tuple(SCHEMAS) == KINDS
    places = list(KINDS)
    for link in LINKS:
        assert link.parent == "consumers" or places.index(link.parent) < places.index(link.child)


def test_what_goes_with_its_parent() -> None:
    assert {(link.child, link.field) for link in LINKS if link.cascades} == {
        ("plugins", "route"),
        ("plugins", "service"),
        ("snis", "certificate"),
        ("targets", "upstream"),
    }


def test_fields_that_are_shown_and_written() -> None:
    assert "snis" in shown_fields("certificates")
    assert "snis" not in SCHEMAS["certificates"].fields
    assert set(written_fields("services")) - set(shown_fields("services")) == {"url"}
    assert set(written_fields("upstreams")) == set(shown_fields("upstreams"))
