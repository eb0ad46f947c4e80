"""Values out of events, against PyYAML's own."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from penstock.shared.entities.yaml_values import NotSimple, building
from penstock.shared.pieces import at_once

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES)
def test_what_is_dumped_is_read_as_pyyaml_reads_it(value: object) -> None:
    text = yaml.safe_dump(value)
    assert at_once(building(text)) == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: 010\nb: 0x1f\nc: 1_000\nd: 1e3\ne: 1.5e+3\nf: .inf\ng: ~\nh: 190:20:30",
        "a: yes\nb: Off\nc: 'yes'\nd: \"1\"\ne: |\n  1\nf: >-\n  true",
        "a: &x [1, {b: &y c}]\nd: *x\ne: *y",
        "{a: [], b: {}, c: , 'd': x}",
        "a: 1\na: 2",
        "- 2026-01-01\n- !!str",
        "",
        "--- a",
        "# nothing",
    ],
)
def test_every_way_of_writing_is_read_as_pyyaml_reads_it(text: str) -> None:
    try:
        found = at_once(building(text))
    except NotSimple:
        assert "!!" in text
    else:
        assert found == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text", ["a: !!int 1", "<<: {a: 1}", "- =", "1: a", "[1]: a", "? {a: b}\n: c", "a\n--- b", "&a [*a]", "[" * 99]
)
def test_what_is_not_simple_is_left_to_pyyaml(text: str) -> None:
    with pytest.raises(NotSimple):
        at_once(building(text))


@pytest.mark.parametrize("text", ["a: [", "a: \x00", "a: b: c", "*a"])
def test_what_is_no_yaml_is_told(text: str) -> None:
    with pytest.raises((yaml.YAMLError, NotSimple)):
        at_once(building(text))
