"""Schemas as data."""

from __future__ import annotations

import json
from typing import Any

import pytest
from catalogs import IP_RESTRICTION, ROUTE, SERVICE, Desk

from penstock.shared.entities.description import described, described_plugin, json_body, json_schema
from penstock.shared.entities.kinds import SCHEMAS


def by_name(fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: field for each in fields for name, field in each.items()}


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_schema_is_json_in_kongs_form(kind: str) -> None:
    found = json.loads(json.dumps(described(kind)))
    assert all(len(each) == 1 for each in found["fields"])
    assert {"id", "created_at", "tags"} <= set(by_name(found["fields"]))


def test_types_and_limits_are_described() -> None:
    service = described("services")
    fields = by_name(service["fields"])
    assert (fields["port"]["type"], fields["port"]["between"], fields["port"]["default"]) == ("integer", [0, 65535], 80)
    assert fields["client_certificate"]["reference"] == "certificates"
    assert by_name(service["shorthand_fields"])["url"]["type"] == "string"
    route = by_name(described("routes")["fields"])
    assert route["protocols"]["default"] == ["http", "https"]
    assert by_name(route["sources"]["elements"]["fields"])["port"]["between"] == [0, 65535]
    assert by_name(described("certificates")["fields"])["key"]["encrypted"] is True
    assert "snis" in by_name(described("certificates")["fields"])


def test_rules_are_described() -> None:
    checks = described("certificates")["entity_checks"]
    assert {"mutually_required": ["cert_alt", "key_alt"]} in checks


def test_a_plugins_configuration_is_described() -> None:
    config = by_name(described_plugin(IP_RESTRICTION)["fields"])["config"]
    assert (config["type"], config["required"]) == ("record", True)
    assert by_name(config["fields"])["allow"]["elements"]["type"] == "string"
    assert config["entity_checks"] == [{"at_least_one_of": ["allow", "deny"]}]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_json_schemas_are_json_and_name_every_key(kind: str) -> None:
    schema = json.loads(json.dumps(json_schema(kind)))
    assert set(schema["required"]) == set(schema["properties"])
    assert json_body(kind)["additionalProperties"] is False


def test_a_record_has_the_keys_and_types_of_its_json_schema() -> None:
    types: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
        "boolean": (bool,),
        "array": (tuple, list),
        "object": (dict, type(Desk().post("routes", ROUTE)["service"])),
        "null": (type(None),),
    }
    for kind, body in (("services", SERVICE), ("routes", ROUTE), ("upstreams", {"name": "u"})):
        schema, made = json_schema(kind), Desk().post(kind, body)
        assert set(schema["properties"]) == set(made)
        for name, value in made.items():
            allowed = schema["properties"][name]["type"]
            if isinstance(value, str | int | float | bool | None):
                names = allowed if isinstance(allowed, list) else [allowed]
                assert isinstance(value, tuple(each for name in names for each in types[name])), name


def test_bodies_name_what_has_to_be_there() -> None:
    assert json_body("snis")["required"] == ["name", "certificate"]
    assert "required" not in json_body("snis", whole=False)
    assert "required" not in json_body("services")
    assert "url" in json_body("services")["properties"]
