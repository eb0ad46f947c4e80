"""Refusals: codes, statuses and sentences."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.shared.entities import violation as v
from penstock.shared.entities.violation import Code, Violation


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        ({"host": "required field missing"}, "schema violation (host: required field missing)"),
        ({"b": "y", "a": "x"}, "2 schema violations (a: x; b: y)"),
        ({"snis": "length must be 0", "@entity": ["first"]}, "2 schema violations (first; snis: length must be 0)"),
        ({"service": {"id": "expected a valid UUID"}}, "schema violation (service.id: expected a valid UUID)"),
        ({"snis": [None, "must not be an IP"]}, "schema violation (snis.2: must not be an IP)"),
        ({"a": {"b": {"c": "x"}}}, "schema violation (a.b.c: x)"),
    ],
)
def test_a_tree_becomes_one_sentence(tree: dict[str, Any], text: str) -> None:
    assert v.schema_violation(tree).body == {"code": 2, "name": "schema violation", "message": text, "fields": tree}


@pytest.mark.parametrize(
    ("refused", "status", "message"),
    [
        (v.unique_violation({"name": "x"}), 409, "UNIQUE violation detected on '{name=\"x\"}'"),
        (v.primary_key_violation("i"), 400, "primary key violation on key '{id=\"i\"}'"),
        (
            v.no_such_reference("service", {"id": "i"}, "services"),
            400,
            "the foreign key '{id=\"i\"}' does not reference an existing 'services' entity.",
        ),
        (
            v.still_referenced("services", "routes"),
            400,
            "an existing 'routes' entity references this 'services' entity",
        ),
        (v.invalid_offset("x"), 400, "'x' is not a valid offset: bad base64 encoding"),
        (
            v.without_database("create", "routes"),
            405,
            "cannot create 'routes' entities when not using a database",
        ),
    ],
)
def test_kongs_sentences(refused: Violation, status: int, message: str) -> None:
    assert (refused.http_status, refused.body["message"]) == (status, message)


def test_what_is_referenced_is_told_by_whom() -> None:
    assert v.still_referenced("services", "routes").body["fields"] == {"@referenced_by": "routes"}


def test_not_found_says_no_more() -> None:
    assert v.not_found("services", "x").body == {"message": "Not found"}
    assert v.not_found("services", "x").http_status == 404


def test_a_database_error_tells_nothing() -> None:
    assert Violation(Code.DATABASE_ERROR, "secret").body == {"message": "An unexpected error occurred"}


def test_options_take_the_place_of_fields() -> None:
    body = v.invalid_option("tags", "cannot be null").body
    assert body["message"] == "invalid option (tags: cannot be null)"
    assert body["options"] == {"tags": "cannot be null"}
    assert "fields" not in body


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": None, "a": True}, "{a=true,b=null}"),
        ({"service": {"id": "x"}, "weight": 5}, '{service={id="x"},weight=5}'),
    ],
)
def test_keys_are_shown_in_luas_notation(value: Any, text: str) -> None:
    assert v.shown(value) == text


def test_a_documents_tree_is_shown_in_luas_notation() -> None:
    tree = {"routes": [None, {"@entity": ["x"]}], "foo": "y"}
    assert v.shown_tree(tree) == '{foo="y",routes={[2]={["@entity"]={"x"}}}}'


def test_every_code_has_a_name_and_a_status() -> None:
    assert set(v.NAMES) == set(Code)


def test_what_the_file_says_names_the_line() -> None:
    refused = v.written_in_file("services", "orders", "penstock.conf:12")
    assert refused.http_status == 409
    assert "penstock.conf:12" in refused.body["message"]
