"""Rules between fields."""

from __future__ import annotations

from penstock.shared.entities import rules


def test_at_least_one_of() -> None:
    rule = rules.at_least_one_of("a", "b")
    text = "at least one of these fields must be non-empty: 'a', 'b'"
    assert rule.broken({"a": [], "b": None}) == {"@entity": [text]}
    assert rule.broken({"a": None, "b": 0}) == {}


def test_all_or_none() -> None:
    rule = rules.all_or_none("a", "b")
    text = "all or none of these fields must be set: 'a', 'b'"
    assert rule.broken({"a": "x", "b": None}) == {"@entity": [text]}
    assert rule.broken({"a": "x", "b": "y"}) == rule.broken({"a": None, "b": None}) == {}


def test_distinct() -> None:
    rule = rules.distinct("a", "b")
    assert rule.broken({"a": "x", "b": "x"}) == {"@entity": ["values of these fields must be distinct: 'a', 'b'"]}
    assert rule.broken({"a": None, "b": None}) == rule.broken({"a": "x", "b": "y"}) == {}


def test_a_condition_blames_the_entity_and_the_field() -> None:
    rule = rules.conditional("protocol", rules.one_of("tcp"), "path", rules.must_be_null)
    text = "failed conditional validation given value of field 'protocol'"
    assert rule.broken({"protocol": "tcp", "path": "/"}) == {"@entity": [text], "path": "value must be null"}
    assert rule.broken({"protocol": "http", "path": "/"}) == rule.broken({"protocol": "tcp", "path": None}) == {}


def test_a_condition_may_have_its_own_text() -> None:
    rule = rules.conditional("a", rules.not_one_of("x"), "b", rules.must_be_empty, "no b")
    assert rule.broken({"a": "y", "b": ["z"]}) == {"@entity": ["no b"], "b": "length must be 0"}
    assert rule.broken({"a": "y", "b": []}) == {}


def test_what_must_be_set() -> None:
    assert rules.must_be_set(None) == "required field missing"
    assert rules.must_be_set("") == ""


def test_a_rule_of_its_own() -> None:
    rule = rules.custom(("a",), lambda record: "bad a" if record["a"] else "")
    assert rule.broken({"a": 1}) == {"@entity": ["bad a"]}
    assert rule.broken({"a": 0}) == {}
