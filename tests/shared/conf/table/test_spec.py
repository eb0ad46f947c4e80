from __future__ import annotations

import pytest

from penstock.shared.conf.table import spec
from penstock.shared.conf.table.spec import Kind, arity, block, choice, expected, simple
from penstock.shared.conf.tree import Word
from penstock.shared.errors import ConfigError
from penstock.shared.model.where import Where

KINDS = [value for value in vars(spec).values() if isinstance(value, Kind)]


def word(text: str) -> Word:
    return Word(text, Where("f", 1, 1))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.word)
def test_a_kind_takes_its_right_word_and_not_its_wrong_one(kind: Kind) -> None:
    kind.read(word(kind.right), "d")
    if kind.wrong:
        with pytest.raises(ConfigError, match="invalid"):
            kind.read(word(kind.wrong), "d")


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (spec.CORES, ["0", "-1", "", "AUTO", "²"]),
        (spec.RATE, ["x", "1q"]),
        (spec.INTEGER, ["", "+", "--1", "1.5", "٣"]),
        (spec.VARIABLE, ["$", "", "x$"]),
        (spec.NETWORK, ["unix", "10.0.0.0/40"]),
        (spec.HEADER, ["v3", "2", "V2"]),
        (spec.KONG_TIME, ["0", "2147483647", "-1"]),
        (spec.at_most(64), ["65", "-1"]),
    ],
)
def test_what_a_kind_does_not_take(kind: Kind, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(ConfigError):
            kind.read(word(text), "d")


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (spec.CORES, ["auto", "64"]),
        (spec.RATE, ["$rate", "10k", "0"]),
        (spec.INTEGER, ["-20", "+5", "0"]),
        (spec.NETWORK, ["unix:", "all", "::1", "10.0.0.0/8"]),
        (spec.HEADER, ["on", "OFF", "v1", "v2"]),
        (spec.KONG_TIME, ["1", "2147483646", "1m"]),
        (spec.at_most(64), ["0", "64"]),
    ],
)
def test_what_a_kind_takes(kind: Kind, texts: list[str]) -> None:
    for text in texts:
        kind.read(word(text), "d")


def test_the_last_kind_stands_for_all_that_follow() -> None:
    made = simple("x", "main", "1+", (spec.FILE, spec.FLAG), "Doc.")
    assert [made.kind_of(index).word for index in range(3)] == ["file", "on | off", "on | off"]


@pytest.mark.parametrize(
    ("text", "expected_arity"), [("0", (0, 0)), ("1", (1, 1)), ("1-3", (1, 3)), ("2+", (2, None)), ("0+", (0, None))]
)
def test_arities(text: str, expected_arity: tuple[int, int | None]) -> None:
    assert arity(text) == expected_arity


def test_a_syntax_line_is_made_from_the_kinds() -> None:
    assert simple("x", "main", "1", spec.SIZE, "Doc.").syntax == "size"
    assert simple("x", "main", "1+", spec.FILE, "Doc.").syntax == "file ..."
    assert simple("x", "main", "2", choice("a", "b"), "Doc.").syntax == "a | b a | b"
    assert block("x", "main", "0", "Doc.").syntax == ""


def test_the_expected_form_is_shown_as_it_is_written() -> None:
    assert expected(simple("x", "main", "1", spec.SIZE, "Doc.")) == "expected: x size;"
    assert expected(block("x", "main", "1", "Doc.")) == "expected: x name { ... }"
    assert expected(block("x", "main", "0", "Doc.")) == "expected: x { ... }"
