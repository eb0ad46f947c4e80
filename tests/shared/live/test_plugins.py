"""Plugins of records."""

from __future__ import annotations

from types import MappingProxyType

from record_making import identity, plugin, put, route

from penstock.shared.live.plugins import Uses, use_of
from penstock.shared.live.records import Records

GLOBAL, OFF = plugin("tcp-log", host="h"), {**plugin("geo"), "enabled": False}
RECORDS = Records([("plugins", GLOBAL), ("plugins", OFF), ("plugins", plugin("acl", service="s", route="r"))])


def test_those_that_are_switched_off_are_none() -> None:
    assert [use.name for use in Uses(RECORDS)] == ["tcp-log", "acl"]
    assert [(use.name, use.config, use.id) for use in Uses(RECORDS).everywhere()] == [
        ("tcp-log", {"host": "h"}, GLOBAL["id"])
    ]


def test_one_for_a_route_and_a_service_counts_while_they_belong_together() -> None:
    uses, owner = Uses(RECORDS), identity("routes", "r")
    assert [use.name for use in uses.of("routes", owner, route("r", "s"))] == ["acl"]
    assert uses.of("routes", owner, route("r", "t")) == ()
    assert uses.of("services", identity("services", "s"), {}) == ()


def test_a_use_is_the_same_until_its_record_changes() -> None:
    uses = Uses(RECORDS)
    (before,) = uses.everywhere()
    assert uses.everywhere()[0] is before
    (coming,) = uses.coming([put("plugins", GLOBAL), put("plugins", OFF)])
    assert uses.everywhere()[0] is before
    uses.changed(GLOBAL["id"])
    assert uses.everywhere()[0] is coming


def test_a_frozen_configuration_is_plain_json() -> None:
    frozen = MappingProxyType({"deny": ("10.0.0.0/8",), "queue": MappingProxyType({"size": 1})})
    use = use_of({**GLOBAL, "config": frozen})
    assert use.config == {"deny": ["10.0.0.0/8"], "queue": {"size": 1}}
    assert type(use.config) is dict
