"""Plugins' descriptions, as workers tell them."""

from __future__ import annotations

import json

from penstock.master.plugin_descriptions import Descriptions


def test_the_last_word_about_a_plugin_counts() -> None:
    known = Descriptions()
    assert list(known) == []
    for name, version in (("a", "1"), ("b", "1"), ("a", "2")):
        known.learn(json.dumps({"name": name, "version": version}))
    assert list(known) == [{"name": "a", "version": "2"}, {"name": "b", "version": "1"}]
