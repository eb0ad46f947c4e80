"""Mistakes of a document as a tree and as a list."""

from __future__ import annotations

import pytest

from penstock.shared.entities import violation as v
from penstock.shared.entities.declaration_errors import Mistakes
from penstock.shared.entities.violation import Violation


def refused(mistakes: Mistakes) -> Violation:
    with pytest.raises(Violation) as raised:
        mistakes.refuse()
    return raised.value


def test_without_mistakes_nothing_is_refused() -> None:
    Mistakes().refuse()


def test_an_entitys_own_mistakes_and_those_below_it_are_one_tree() -> None:
    mistakes = Mistakes()
    mistakes.violation(("services", 1), "services", {}, v.schema_violation({"host": "x"}))
    mistakes.violation(("services", 1, "routes", 0), "routes", {}, v.schema_violation({"snis": "y"}))
    assert refused(mistakes).fields == {"services": [None, {"host": "x", "routes": [{"snis": "y"}]}]}


def test_a_text_is_not_overwritten_by_what_is_below() -> None:
    mistakes = Mistakes()
    mistakes.add(("services",), "x")
    mistakes.violation(("services", 1), "services", {}, v.schema_violation({"host": "x"}))
    assert refused(mistakes).fields == {"services": "x"}


def test_fields_are_flat_with_dots() -> None:
    mistakes = Mistakes()
    tree = {"a": {"b": [None, "x"]}, "@entity": ["whole"], "c": {"@entity": ["part"]}}
    mistakes.violation(("routes", 0), "routes", {"id": "i"}, v.schema_violation(tree))
    (flat,) = refused(mistakes).body["flattened_errors"]
    assert flat["entity_id"] == "i"
    assert flat["errors"] == [
        {"type": "entity", "message": "whole"},
        {"type": "field", "field": "a.b.2", "message": "x"},
        {"type": "entity", "field": "c", "message": "part"},
    ]


def test_ids_that_are_there_twice_are_told_by_their_name_where_they_follow_from_it() -> None:
    mistakes = Mistakes()
    mistakes.violation(("certificates", 0), "certificates", {"id": "i"}, v.primary_key_violation("i"))
    text = "uniqueness violation: 'certificates' entity with primary key set to 'i' already declared"
    assert refused(mistakes).fields == {"certificates": [{"@entity": [text]}]}


def test_what_else_is_refused_keeps_its_sentence() -> None:
    mistakes = Mistakes()
    written = v.written_in_file("services", "s", "a.conf:1")
    mistakes.violation(("services", 0), "services", {}, written)
    assert refused(mistakes).fields == {"services": [{"@entity": [written.message]}]}
