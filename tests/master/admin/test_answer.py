"""Answers with Kong's headers."""

from __future__ import annotations

import json
from types import MappingProxyType

from aiohttp import web

from penstock.master.admin.answer import COLLECTION, MEMBER, not_allowed, not_found, options, to_json


def content(answer: web.Response) -> object:
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def test_a_value() -> None:
    answer = to_json(201, MappingProxyType({"a": None, "b": frozenset({"y", "x"}), "c": (1,)}))
    assert (answer.status, content(answer)) == (201, {"a": None, "b": ["x", "y"], "c": [1]})
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_what_may_be_done_with_a_path() -> None:
    assert options(COLLECTION).headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert options(MEMBER).headers["Access-Control-Allow-Methods"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    assert (options(MEMBER).status, options(MEMBER).body) == (204, None)


def test_kong_s_words() -> None:
    assert content(not_found()) == {"message": "Not found"}
    assert content(not_allowed(COLLECTION)) == {"message": "Method not allowed"}
