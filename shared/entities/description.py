"""Schemas as data: Kong's `{"fields": [{"name": {"type": "string", …}}, …]}`, and JSON Schema for OpenAPI documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..plugin_schema import Description
from .fields import MOST_WHOLE, UUID, Field, Rule
from .kinds import SCHEMAS, shown_fields, written_fields
from .plugin_description import config_field
from .schema import Schema

JSON_TYPES: Final[Mapping[str, str]] = {
    "set": "array",
    "map": "object",
    "record": "object",
    "foreign": "object",
}


# Kong's form.


def described(kind: str) -> dict[str, Any]:
    """What `/schemas/{kind}` answers."""
    schema = SCHEMAS[kind]
    found = _fields(shown_fields(kind), schema.rules)
    if schema.shorthands:
        found["shorthand_fields"] = [{name: _described(each.field)} for name, each in schema.shorthands.items()]
    return found


def described_plugin(description: Description) -> dict[str, Any]:
    """What `/schemas/plugins/{name}` answers."""
    fields = shown_fields("plugins")
    shown = {name: fields[name] for name in ("consumer", "protocols")}
    return _fields({**shown, "config": config_field(description)}, ())


def _fields(fields: Mapping[str, Field], rules: Sequence[Rule]) -> dict[str, Any]:
    found: dict[str, Any] = {"fields": [{name: _described(each)} for name, each in fields.items()]}
    checks = [{rule.name: rule.arguments} for rule in rules if rule.arguments is not None]
    if checks:
        found["entity_checks"] = checks
    return found


def _described(field: Field) -> dict[str, Any]:
    limits = {
        "description": field.doc,
        "required": field.required,
        "auto": field.auto,
        "unique": field.unique,
        "uuid": field.uuid,
        "encrypted": field.encrypted,
        "one_of": list(field.one_of),
        "starts_with": field.starts_with,
        "reference": field.reference,
        "mutually_exclusive_subsets": [list(each) for each in field.exclusive],
    }
    found: dict[str, Any] = {"type": field.type} | {name: value for name, value in limits.items() if value}
    if field.between is not None:
        found["between"] = list(field.between)
    if field.default is not None:
        found["default"] = _plain(field.default)
    if field.type in ("array", "set") and field.len_min:
        found["len_min"] = field.len_min
    if field.elements is not None:
        found["elements"] = _described(field.elements)
    if field.values is not None:
        found |= {"keys": {"type": "string"}, "values": _described(field.values)}
    if field.type == "record":
        found |= _fields(field.fields, field.rules)
    return found


# JSON Schema (2020-12), as OpenAPI 3.1 has it.


def json_schema(kind: str) -> dict[str, Any]:
    """A record as it is answered: all keys, nulls written out."""
    fields = shown_fields(kind)
    found = _object(fields, shown=True)
    return {**found, "title": kind, "description": SCHEMAS[kind].doc, "required": list(fields)}


def json_body(kind: str, *, whole: bool = True) -> dict[str, Any]:
    """A record as it is sent; not `whole`: with the fields that are to change alone."""
    schema: Schema = SCHEMAS[kind]
    found = _object(written_fields(kind), shown=False)
    required = [name for name, each in schema.fields.items() if each.required and each.default is None]
    if whole and required and "url" not in schema.shorthands:  # which may stand for a required field
        found["required"] = required
    return {**found, "additionalProperties": False}


def _object(fields: Mapping[str, Field], *, shown: bool) -> dict[str, Any]:
    return {"type": "object", "properties": {name: _json(each, shown=shown) for name, each in fields.items()}}


def _json(field: Field, *, shown: bool, nullable: bool = True) -> dict[str, Any]:
    kind = JSON_TYPES.get(field.type, field.type)
    optional = nullable and not field.required and not (shown and (field.auto or field.default is not None))
    found: dict[str, Any] = {"type": [kind, "null"] if optional else kind}
    if field.doc:
        found["description"] = field.doc
    if field.one_of:
        found["enum"] = [*field.one_of, None] if optional else list(field.one_of)
    if field.type in ("integer", "number"):
        low, high = field.between or (-MOST_WHOLE, MOST_WHOLE)
        found |= {"minimum": low, "maximum": high}
    if field.uuid:
        found["pattern"] = f"^{UUID.pattern}$"
    elif field.type == "string":
        found["minLength"] = field.len_min
    if field.default is not None and not shown:
        found["default"] = _plain(field.default)
    if field.elements is not None:
        found["items"] = _json(field.elements, shown=shown, nullable=False)
        found |= {"uniqueItems": True} if field.type == "set" and shown else {}
        found |= {"minItems": field.len_min} if field.len_min else {}
    if field.values is not None:
        found["additionalProperties"] = _json(field.values, shown=shown, nullable=False)
    if field.type == "record" and field.fields:
        found |= {key: value for key, value in _object(field.fields, shown=shown).items() if key != "type"}
    if field.type == "foreign":
        found["properties"] = {"id": {"type": "string", "pattern": f"^{UUID.pattern}$"}}
        found["required"] = ["id"]
    return found


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value
