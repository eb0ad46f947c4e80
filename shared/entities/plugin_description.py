"""A plugin's description (plugin_schema.py) as a field: for forms, and for what `/schemas/plugins/{name}` answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_schema import PORTS, Description
from .fields import Field, Rule


def config_field(description: Description) -> Field:
    """The field `config` of a plugin: types and limits. What judges a configuration is `plugin_schema.check`."""
    return _field({"type": "record", "required": True, **description})


def _field(description: Mapping[str, Any]) -> Field:
    kind = description["type"]
    elements, values = description.get("elements"), description.get("values")
    between = description.get("between") or (PORTS if description.get("format") == "port" else None)
    return Field(
        kind,
        required=bool(description.get("required")),
        default=description.get("default"),
        between=tuple(between) if between else None,
        one_of=tuple(description.get("one_of") or ()),
        len_min=description.get("len_min", 1 if kind == "string" else 0),
        match=description.get("match") or "",
        elements=None if elements is None else _field(elements),
        values=None if values is None else _field(values),
        fields={name: _field(each) for name, each in description.get("fields", {}).items()},
        rules=tuple(_rule(each) for each in description.get("checks", ())),
        encrypted=bool(description.get("secret")),
        doc=description.get("doc") or "",
    )


def _rule(check: Mapping[str, Any]) -> Rule:
    ((name, fields),) = check.items()
    return Rule(name, tuple(fields), lambda _: {}, list(fields))
