"""YAML within limits."""

from __future__ import annotations

import pytest
import yaml

from penstock.shared.entities.violation import Violation
from penstock.shared.entities.yaml_text import DEEPEST, parse, text_of


def test_yaml_and_json_are_read() -> None:
    assert parse("a: [1, x]") == parse('{"a": [1, "x"]}') == {"a": [1, "x"]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "failed parsing declarative configuration"),
        ("a: !!python/object/apply:os.system [x]", "could not determine a constructor"),
        ("a: 2026-01-01", "a date where a text"),
        ("1: x", "a name that is no text"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), f"more than {DEEPEST} deep"),
        ("a: \x00", "failed parsing"),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Violation) as raised:
        parse(text)
    assert reason in raised.value.body["fields"]["error"]


def test_a_few_lines_cannot_stand_for_billions_of_values() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(Violation, match="more than 5000000 values"):
        parse("\n".join(lines))


def test_json_is_read_as_yaml_reads_it() -> None:
    assert parse(' {"a": [1, 1.5, null, true, "\\u00fc"]}') == {"a": [1, 1.5, None, True, "ü"]}
    assert parse("{a: b, 'c': NaN}") == parse("a: b\nc: NaN") == {"a": "b", "c": "NaN"}
    assert parse("a: &x {b: 1}\nc: {<<: *x, d: 2}") == {"a": {"b": 1}, "c": {"b": 1, "d": 2}}


def test_a_document_is_written_in_its_order() -> None:
    document = {"b": [{"x": [1, {"y": None}]}, "z"], "e": [], "a": {"n": "1"}, "_": "3.0"}
    assert text_of(document) == yaml.safe_dump(document, sort_keys=False)
    assert text_of({"b": 1, "a": ["ü"]}) == "b: 1\na:\n- ü\n"
