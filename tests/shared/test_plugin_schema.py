"""Descriptions of plugins' configurations, and configurations held against them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from plugin_classes import Everything

from penstock.plugin import Plugin, at_least_one_of, mutually_required, only_one_of
from penstock.shared.plugin_schema import BadConfigClass, check, describe

DESCRIPTION = describe(Everything, "everything")
GOOD: dict[str, Any] = {"host": "a.test", "names": ["x"]}


def errors(**raw: Any) -> Any:
    return check(DESCRIPTION, {**GOOD, **raw})[1]


def test_a_description_is_json_and_says_who_the_plugin_is() -> None:
    again = json.loads(json.dumps(DESCRIPTION))
    assert again == DESCRIPTION
    assert (again["name"], again["version"], again["priority"]) == ("everything", "1.2", 7)
    assert again["phases"] == ["preread"]
    assert again["checks"] == [{"at_least_one_of": ["allow", "names"]}]


def test_types_formats_and_limits_are_described() -> None:
    fields = DESCRIPTION["fields"]
    assert fields["host"] == {"type": "string", "format": "host", "required": True}
    assert fields["allow"]["elements"] == {"type": "string", "format": "network"}
    assert fields["names"]["elements"] == {"type": "string", "match": "[a-z]+"}
    assert fields["mode"]["one_of"] == ["fast", "careful"]
    assert fields["message"] == {"type": "string", "required": False, "default": None}
    assert fields["timeout"]["format"] == "milliseconds"
    assert fields["headers"]["values"] == {"type": "string"}
    assert fields["queue"]["fields"]["entries"]["between"] == [1, 1000]
    assert fields["queue"]["default"] == {"entries": 100, "delay": 1.0}


def test_defaults_are_filled_in_at_every_depth() -> None:
    complete, wrong = check(DESCRIPTION, {**GOOD, "queue": {"entries": 5}})
    assert wrong == {}
    assert complete["status"] == 403
    assert complete["queue"] == {"entries": 5, "delay": 1.0}
    assert complete["message"] is None


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("host", 5, "expected a string"),
        ("host", None, "required field missing"),
        ("host", "", "length must be at least 1"),
        ("host", "no host", "invalid value: no host"),
        ("status", "403", "expected an integer"),
        ("status", True, "expected an integer"),
        ("status", 404, "expected one of: 403, 503"),
        ("mode", "quick", "expected one of: fast, careful"),
        ("port", 0, "value should be between 1 and 65535"),
        ("ratio", "x", "expected a number"),
        ("on", 1, "expected a boolean"),
        ("allow", "10.0.0.1", "expected an array"),
        ("allow", ["10.0.0.0/8", "10.0.0.0/99"], [None, "invalid ip or cidr range: '10.0.0.0/99'"]),
        ("names", "x", "expected a set"),
        ("names", ["X"], ["invalid value: X"]),
        ("headers", [], "expected a map"),
        ("headers", {"a": 1}, {"a": "expected a string"}),
        ("queue", 1, "expected a record"),
        ("queue", {"entries": 0}, {"entries": "value should be between 1 and 1000"}),
        ("timeout", -1, "value should be between 0 and 2147483646"),
        ("nothing", 1, "unknown field"),
    ],
)
def test_a_wrong_value_is_told_in_kongs_words(field: str, value: Any, text: Any) -> None:
    assert errors(**{field: value}) == {field: text}


def test_a_missing_field_is_named() -> None:
    assert check(DESCRIPTION, {"names": ["x"]})[1] == {"host": "required field missing"}


def test_a_set_holds_each_element_once() -> None:
    assert check(DESCRIPTION, {**GOOD, "names": ["x", "y", "x"]})[0]["names"] == ["x", "y"]


def test_a_null_takes_the_default() -> None:
    assert check(DESCRIPTION, {**GOOD, "status": None})[0]["status"] == 403


@pytest.mark.parametrize(
    ("rule", "raw", "text"),
    [
        (at_least_one_of("a", "b"), {}, "at least one of these fields must be non-empty: 'a', 'b'"),
        (only_one_of("a", "b"), {"a": "1", "b": "2"}, "exactly one of these fields must be non-empty: 'a', 'b'"),
        (mutually_required("a", "b"), {"a": "1"}, "all or none of these fields must be set: 'a', 'b'"),
    ],
)
def test_rules_between_fields(rule: Any, raw: dict[str, Any], text: str) -> None:
    class Ruled(Plugin):
        checks = (rule,)

        @dataclass(frozen=True)
        class Config:
            a: str | None = None
            b: str | None = None

    assert check(describe(Ruled, "ruled"), raw)[1] == {"@entity": [text]}


def test_a_config_that_no_file_can_hold_is_refused() -> None:
    class Odd(Plugin):
        @dataclass(frozen=True)
        class Config:
            call: complex = 0j

    with pytest.raises(BadConfigClass, match=r"Config\.call.*complex"):
        describe(Odd, "odd")


def test_a_config_that_is_no_dataclass_is_refused() -> None:
    class Odd(Plugin):
        Config = int

    with pytest.raises(BadConfigClass, match="int is not a dataclass"):
        describe(Odd, "odd")
