"""A plugin's description as a field."""

from __future__ import annotations

from plugin_classes import Everything

from penstock.shared.entities.plugin_description import config_field
from penstock.shared.plugin_schema import describe


def test_every_type_and_limit_of_a_description_becomes_a_field() -> None:
    description = describe(Everything, "everything")
    field = config_field(description)
    assert set(field.fields) == set(description["fields"])
    for name, each in description["fields"].items():
        assert field.fields[name].type == each["type"]
        assert field.fields[name].required == each["required"]
    assert field.fields["queue"].fields["entries"].between == (1, 1000)
    assert field.fields["names"].elements is not None
    assert field.fields["names"].elements.match == "[a-z]+"
    assert field.fields["headers"].values is not None
    assert [(rule.name, rule.fields) for rule in field.rules] == [("at_least_one_of", ("allow", "names"))]


def test_a_port_has_its_limits() -> None:
    described = {"fields": {"port": {"type": "integer", "required": True, "format": "port"}}, "checks": []}
    assert config_field(described).fields["port"].between == (1, 65535)
