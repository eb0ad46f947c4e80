"""`log_format`: every value escaped."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from viewed import Viewed

from penstock.shared.logformat import compile_log_format
from penstock.shared.scope import Scope
from penstock.shared.template import Getter, UnknownVariable, compile_template
from penstock.shared.variables import lookup

ESCAPES = ("default", "json", "none")


def known(name: str) -> Getter:
    scope = Scope(lookup)
    scope.define_capture("v")
    scope.define_capture("w")
    return scope.lookup(name)


def line(text: str, escape: str, **values: str) -> str:
    return compile_log_format(text, escape, known).render(Viewed(values=values))


@pytest.mark.parametrize(("escape", "expected"), [("default", "<->"), ("json", "<>"), ("none", "<>")])
def test_what_is_not_found(escape: str, expected: str) -> None:
    assert line("<$v>", escape) == expected


@pytest.mark.parametrize("escape", ESCAPES)
def test_an_empty_value_is_empty(escape: str) -> None:
    assert line("<$v>", escape, v="") == "<>"


@pytest.mark.parametrize(
    ("escape", "expected"),
    [
        ("default", r"a\x22b\x5Cc\x0A\x01\x7F\xC3\xA9\xFF"),
        ("json", 'a\\"b\\\\c\\n\\u0001\x7fé\udcff'),
        ("none", 'a"b\\c\n\x01\x7fé\udcff'),
    ],
)
def test_special_characters(escape: str, expected: str) -> None:
    assert line("$v", escape, v='a"b\\c\n\x01\x7fé\udcff') == expected


@pytest.mark.parametrize("escape", ESCAPES)
def test_the_text_around_variables_stays_as_it_is(escape: str) -> None:
    assert line('"%s" 100% é\\ ${v}x', escape, v="1") == '"%s" 100% é\\ 1x'


def test_one_special_value_leaves_the_others_alone() -> None:
    assert line("$v $w", "default", v='"', w="plain") == r"\x22 plain"


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_format_without_variables(escape: str) -> None:
    compiled = compile_log_format("100%", escape, known)
    assert (compiled.constant, compiled.render(Viewed()), compiled.source) == ("100%", "100%", "100%")


def test_unknown_variables_are_said() -> None:
    with pytest.raises(UnknownVariable, match="nothing"):
        compile_log_format("$nothing", "default", known)


def test_formats_are_equal_when_text_and_escaping_are() -> None:
    first = compile_log_format("$v", "default", known)
    assert first == compile_log_format("$v", "default", known)
    assert hash(first) == hash(compile_log_format("$v", "default", known))
    assert first != compile_log_format("$v", "json", known)
    assert compile_template("$v", known) != first


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_gives_the_value_back(value: str) -> None:
    assert json.loads(line('"$v"', "json", v=value)) == value


@given(st.binary())
def test_default_gives_printable_ascii_from_which_the_bytes_can_be_read(value: bytes) -> None:
    text = line("$v", "default", v=value.decode("utf-8", "surrogateescape"))
    assert text.isascii()
    assert text.isprintable()
    assert text.encode().decode("unicode_escape").encode("latin-1") == value
