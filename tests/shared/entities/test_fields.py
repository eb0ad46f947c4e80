"""Fields held against values."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.shared.entities.fields import (
    MOST_ELEMENTS,
    Field,
    a_map,
    a_set,
    array,
    boolean,
    complete_record,
    complete_value,
    foreign,
    integer,
    number,
    record,
    string,
)
from penstock.shared.entities.rules import at_least_one_of

ID = "6A0C0000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        (string(), 1, "expected a string"),
        (string(), "", "length must be at least 1"),
        (string(), "a\x00", "invalid value: a text must not have a NUL"),
        (string(), "\ud800", "invalid value: not UTF-8"),
        (string(starts_with="/"), "a", "should start with: /"),
        (string(match="[a-z]+"), "aB", "invalid value: aB"),
        (string(one_of=("a", "b")), "c", "expected one of: a, b"),
        (string(uuid=True), "x", "expected a valid UUID"),
        (string(required=True), None, "required field missing"),
        (string(required=True, default="x"), None, "required field missing"),
        (integer(), "80", "expected an integer"),
        (integer(), 1.5, "expected an integer"),
        (integer(), True, "expected an integer"),
        (integer(between=(0, 65535)), 65536, "value should be between 0 and 65535"),
        (integer(), 2**53 + 1, f"value should be between {-(2**53)} and {2**53}"),
        (number(), float("inf"), f"value should be between {-(2**53)} and {2**53}"),
        (number(), "1", "expected a number"),
        (a_map(string()), {"\ud800": "x"}, {"\ud800": "invalid value: not UTF-8"}),
        (number(between=(0, 1)), float("nan"), "value should be between 0 and 1"),
        (boolean(True), "true", "expected a boolean"),
        (array(string()), "x", "expected an array"),
        (a_set(string()), {"a": 1}, "expected a set"),
        (a_set(string(), len_min=1), [], "length must be at least 1"),
        (array(string()), ["x"] * (MOST_ELEMENTS + 1), f"length must be at most {MOST_ELEMENTS}"),
        (array(string()), ["a", None, 5], [None, "expected a string", "expected a string"]),
        (array(string()), [5, "a"], ["expected a string"]),
        (a_map(string()), [], "expected a map"),
        (a_map(integer()), {"a": "x", "b": 1}, {"a": "expected an integer"}),
        (record({"a": string()}), "x", "expected a record"),
        (record({"a": string()}), {"a": 1, "b": 2}, {"a": "expected a string", "b": "unknown field"}),
        (foreign("services"), "x", "expected a record"),
        (foreign("services"), {}, {"id": "missing primary key"}),
        (foreign("services"), {"id": 5}, {"id": "expected a string"}),
        (foreign("services"), {"id": "x"}, {"id": "expected a valid UUID"}),
    ],
)
def test_what_is_wrong_is_said_in_kongs_words(field: Field, value: Any, text: Any) -> None:
    assert complete_value(field, value)[1] == text


@pytest.mark.parametrize(
    ("field", "value", "complete"),
    [
        (integer(), 5.0, 5),
        (string(default="x"), None, "x"),
        (string(), None, None),
        (a_set(string()), ["a", "b", "a"], ["a", "b"]),
        (a_set(record({"a": string()})), [{"a": "x"}, {"a": "x"}], [{"a": "x"}]),
        (array(string()), ["a", "a"], ["a", "a"]),
        (array(string()), [], []),
        (record({"a": string(), "b": integer(default=1)}), {}, {"a": None, "b": 1}),
        (foreign("services"), {"id": ID, "name": "x"}, {"id": ID.lower()}),
        (string(uuid=True), ID, ID.lower()),
    ],
)
def test_what_is_right_is_completed(field: Field, value: Any, complete: Any) -> None:
    assert complete_value(field, value) == (complete, None)


def test_a_record_with_defaults_is_there_with_all_of_them() -> None:
    inner = record({"deep": record({"n": integer(default=3)}, required=True, default={})}, required=True, default={})
    assert complete_record({"r": inner}, (), {}) == ({"r": {"deep": {"n": 3}}}, {})


def test_sets_that_exclude_each_other_are_listed() -> None:
    field = a_set(string(), exclusive=(("a", "b"), ("c",), ("d",)))
    assert complete_value(field, ["d", "a"])[1] == "these sets are mutually exclusive: ('a', 'b'), ('d')"
    assert complete_value(field, ["a", "b"])[1] is None


def test_a_rule_is_not_asked_about_fields_that_are_wrong_already() -> None:
    fields = {"a": string(), "b": string()}
    rules = (at_least_one_of("a", "b"),)
    assert complete_record(fields, rules, {"a": 5})[1] == {"a": "expected a string"}
    text = "at least one of these fields must be non-empty: 'a', 'b'"
    assert complete_record(fields, rules, {})[1] == {"@entity": [text]}


def test_a_rule_holds_in_the_elements_of_a_list() -> None:
    field = array(record({"a": string(), "b": string()}, rules=(at_least_one_of("a", "b"),)))
    text = "at least one of these fields must be non-empty: 'a', 'b'"
    assert complete_value(field, [{"a": "x"}, {}])[1] == [None, {"@entity": [text]}]
