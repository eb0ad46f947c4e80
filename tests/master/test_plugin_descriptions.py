"""Plugins' descriptions, as workers tell them."""

from __future__ import annotations

import json

from penstock.master.plugin_descriptions import Descriptions


def told(name: str) -> str:
    return json.dumps({"name": name, "fields": {}})


def test_each_generation_has_its_own() -> None:
    known = Descriptions()
    known.learn(1, told("a"))
    known.learn(1, told("b"))
    known.learn(2, told("a"))
    assert sorted(known.of(1)) == ["a", "b"]
    assert known.of(2)["a"] == {"name": "a", "fields": {}}
    assert known.of(7) == {}


def test_only_the_last_two_are_kept() -> None:
    known = Descriptions()
    for generation in (1, 2, 3):
        known.learn(generation, told("a"))
    assert [bool(known.of(generation)) for generation in (1, 2, 3)] == [False, True, True]
