"""Rules between the fields of an entity, by Kong's names of them and in Kong's words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..plugin_schema import ENTITY
from .fields import Rule, quoted
from .violation import Tree

Record = Mapping[str, Any]


def at_least_one_of(*fields: str) -> Rule:
    """One of these has to be set."""

    def broken(record: Record) -> Tree:
        if any(filled(record.get(each)) for each in fields):
            return {}
        return {ENTITY: [f"at least one of these fields must be non-empty: {quoted(fields)}"]}

    return Rule("at_least_one_of", fields, broken, list(fields))


def all_or_none(*fields: str) -> Rule:
    """All of these have to be set, or none."""

    def broken(record: Record) -> Tree:
        found = sum(filled(record.get(each)) for each in fields)
        if found in (0, len(fields)):
            return {}
        return {ENTITY: [f"all or none of these fields must be set: {quoted(fields)}"]}

    return Rule("mutually_required", fields, broken, list(fields))


def distinct(*fields: str) -> Rule:
    """No two of these have the same value."""

    def broken(record: Record) -> Tree:
        values = [record[each] for each in fields if filled(record.get(each))]
        if len(set(values)) == len(values):
            return {}
        return {ENTITY: [f"values of these fields must be distinct: {quoted(fields)}"]}

    return Rule("distinct", fields, broken, list(fields))


def conditional(
    if_field: str,
    matches: Callable[[Any], bool],
    then_field: str,
    wrong: Callable[[Any], str],
    text: str = "",
) -> Rule:
    """Where one field is such, another has to be so; `wrong` says what is not so about it."""

    def broken(record: Record) -> Tree:
        if not matches(record.get(if_field)) or not (reason := wrong(record.get(then_field))):
            return {}
        return {
            ENTITY: [text or f"failed conditional validation given value of field '{if_field}'"],
            then_field: reason,
        }

    arguments = {"if_field": if_field, "then_field": then_field}
    return Rule("conditional", (if_field, then_field), broken, arguments)


def custom(fields: tuple[str, ...], wrong: Callable[[Record], str]) -> Rule:
    """Anything else; `wrong` says what."""

    def broken(record: Record) -> Tree:
        reason = wrong(record)
        return {ENTITY: [reason]} if reason else {}

    return Rule("custom_entity_check", fields, broken, {"field_sources": list(fields)})


def filled(value: Any) -> bool:
    """Whether a field counts as set."""
    return value is not None and value not in ("", [], (), {})


def one_of(*values: Any) -> Callable[[Any], bool]:
    """Whether a value is one of these."""
    return lambda value: value in values


def not_one_of(*values: Any) -> Callable[[Any], bool]:
    """Whether a value is none of these."""
    return lambda value: value not in values


def must_be_null(value: Any) -> str:
    """Kong's `eq = null`."""
    return "" if value is None else "value must be null"


def must_be_empty(value: Collection[Any] | None) -> str:
    """Kong's `len_eq = 0`."""
    return "length must be 0" if value else ""


def must_be_set(value: Any) -> str:
    """Kong's `required`."""
    return "" if value is not None else "required field missing"
