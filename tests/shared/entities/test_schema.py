"""From a body to a frozen record."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.shared.entities.fields import integer, string
from penstock.shared.entities.schema import Shorthand, entity, frozen, refuse, thawed
from penstock.shared.entities.violation import Violation

SCHEMA = entity(
    "things",
    {"name": string(unique=True), "a": integer(), "b": integer(default=7)},
    shorthands={
        "ab": Shorthand(string(), lambda text, _: {"a": int(text[0]), "b": int(text[1])}),
        "a": Shorthand(integer(), lambda value, _: {"b": 9} if value is None else {}, shown=True),
    },
)


def test_every_entity_has_id_times_and_tags() -> None:
    complete, errors = SCHEMA.complete({"tags": ["x", "x"]})
    expected = {"id": None, "created_at": None, "updated_at": None, "name": None, "a": None, "b": 7, "tags": ["x"]}
    assert (complete, errors) == (expected, {})


def test_a_shorthand_stands_for_other_fields_and_is_none_itself() -> None:
    assert SCHEMA.expand({"ab": "12", "name": "x"}) == ({"a": 1, "b": 2, "name": "x"}, {})


def test_a_shorthand_of_another_type_is_wrong() -> None:
    assert SCHEMA.expand({"ab": 5}) == ({}, {"ab": "expected a string"})
    assert SCHEMA.expand({"ab": None}) == ({}, {})


def test_a_field_may_change_others() -> None:
    assert SCHEMA.expand({"a": None}) == ({"a": None, "b": 9}, {})


def test_unique_fields_are_known() -> None:
    assert SCHEMA.unique_fields == ("name",)


def test_what_is_frozen_cannot_be_changed_and_thaws() -> None:
    value: dict[str, Any] = {"a": [{"b": [1]}]}
    ice = frozen(value)
    value["a"][0]["b"].append(2)
    assert ice["a"][0]["b"] == (1,)
    assert frozen(ice) is ice
    assert thawed(ice) == {"a": [{"b": [1]}]}
    with pytest.raises(TypeError):
        ice["a"] = 1


def test_errors_are_raised_and_none_are_not() -> None:
    refuse({})
    with pytest.raises(Violation, match="a: x"):
        refuse({"a": "x"})
