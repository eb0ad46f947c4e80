"""Plugins."""

from __future__ import annotations

from typing import Any

import pytest
from catalogs import ROUTE, SERVICE, Desk

from penstock.shared.entities.changes import Parent
from penstock.shared.entities.plugins import complete_plugin, protocols_of
from penstock.shared.entities.violation import Violation

BODY: dict[str, Any] = {"name": "ip-restriction", "config": {"allow": ["10.0.0.0/8"]}}


def test_the_shape_of_a_plugin() -> None:
    made = Desk().post("plugins", BODY)
    del made["id"]
    assert made == {
        "created_at": 1790000000,
        "updated_at": 1790000000,
        "name": "ip-restriction",
        "instance_name": None,
        "enabled": True,
        "protocols": ("grpc", "grpcs", "http", "https", "tcp", "tls"),
        "tags": None,
        "route": None,
        "service": None,
        "consumer": None,
        "config": {"allow": ("10.0.0.0/8",), "deny": None, "status": None},
    }


def test_a_plugin_of_every_protocol() -> None:
    names = ("grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp")
    assert protocols_of({"name": "file-log"}) == names


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name": "required field missing"}),
        (
            {"name": "x"},
            {"name": "plugin 'x' not enabled; add it to the 'plugins' configuration property"},
        ),
        (
            {"name": "ip-restriction"},
            {"@entity": ["at least one of these fields must be non-empty: 'config.allow', 'config.deny'"]},
        ),
        ({"name": "ip-restriction", "config": 5}, {"config": "expected a record"}),
        (
            {"name": "ip-restriction", "config": {"allow": ["a", "\ud800"], "\x00": 1}},
            {
                "config": {
                    "allow": [None, "invalid value: not UTF-8"],
                    "\x00": "invalid value: a text must not have a NUL",
                }
            },
        ),
        (
            {"name": "ip-restriction", "config": {"allow": ["x"], "foo": 1}},
            {"config": {"allow": ["invalid ip or cidr range: 'x'"], "foo": "unknown field"}},
        ),
    ],
)
def test_what_a_plugin_cannot_be(body: dict[str, Any], fields: Any) -> None:
    assert Desk().wrong("plugins", body) == fields


def test_a_plugin_is_unique_by_name_and_scope() -> None:
    desk = Desk()
    service = desk.post("services", SERVICE)["id"]
    desk.post("plugins", BODY)
    desk.post("plugins", BODY, Parent("service", service))
    body = desk.refused("plugins", BODY, Parent("service", service))
    key = f'{{consumer=null,name="ip-restriction",route=null,service={{id="{service}"}}}}'
    assert body["message"] == f"UNIQUE violation detected on '{key}'"


def test_protocols_must_fit_the_route() -> None:
    desk = Desk()
    route = desk.post("routes", {"protocols": ["tls_passthrough"], "snis": ["a"]})["id"]
    body = desk.refused("plugins", BODY, Parent("route", route))
    assert body["fields"] == {"protocols": "must match the associated route's protocols"}


def test_protocols_must_fit_a_route_of_the_service() -> None:
    desk = Desk()
    service = Parent("service", desk.post("services", SERVICE)["id"])
    desk.post("routes", {"protocols": ["tls_passthrough"], "snis": ["a"]}, service)
    body = desk.refused("plugins", BODY, service)
    text = "must match the protocols of at least one route pointing to this Plugin's service"
    assert body["fields"] == {"protocols": text}
    desk.post("routes", ROUTE, service)
    desk.post("plugins", BODY, service)


def test_what_is_for_the_file_only_is_refused() -> None:
    description = {"name": "own", "fields": {}, "checks": [], "file_only": True}
    errors = complete_plugin({"name": "own"}, lambda _name: description)[1]
    assert errors == {"name": "plugin 'own' can be set in the configuration file only"}


def test_there_are_no_consumers() -> None:
    consumer = {"id": "6a0c0000-0000-4000-8000-000000000000"}
    body = Desk().refused("plugins", {**BODY, "consumer": consumer})
    assert (body["code"], body["fields"]) == (4, {"consumer": consumer})


def test_a_change_merges_the_configuration() -> None:
    desk = Desk()
    made = desk.post("plugins", {**BODY, "instance_name": "mine"})
    changed = desk.patch("plugins", "mine", {"config": {"status": 403}})
    assert changed["config"] == {"allow": ("10.0.0.0/8",), "deny": None, "status": 403}
    with pytest.raises(Violation, match=r"config\.status: expected an integer"):
        desk.patch("plugins", made["id"], {"config": {"status": "x"}})


def test_plugins_go_with_what_they_are_of() -> None:
    desk = Desk()
    service = Parent("service", desk.post("services", SERVICE)["id"])
    desk.post("plugins", BODY, service)
    desk.delete("services", "s")
    assert list(desk.catalog.every("plugins")) == []
