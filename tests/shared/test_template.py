from __future__ import annotations

from typing import cast

import pytest

from penstock.shared.template import (
    Getter,
    Template,
    UnclosedVariable,
    UnknownVariable,
    compile_template,
    constant,
    has_variables,
)
from penstock.shared.view import SessionView

NO_SESSION = cast(SessionView, None)  # the getters below read nothing
VALUES: dict[str, str | None] = {"name": "value", "a_1": "one", "missing": None}


def lookup(name: str) -> Getter:
    if name not in VALUES:
        raise UnknownVariable(name)
    return lambda _: VALUES[name]


def rendered(text: str, missing: str = "") -> str:
    return compile_template(text, lookup).render(NO_SESSION, missing)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$name", "value"),
        ("<$name>", "<value>"),
        ("${name}s", "values"),
        ("$a_1.$name", "one.value"),
        ("$name$name", "valuevalue"),
        ("[$missing]", "[]"),
    ],
)
def test_variables_are_replaced(text: str, result: str) -> None:
    assert rendered(text) == result


def test_a_log_says_what_is_missing_its_own_way() -> None:
    assert rendered("[$missing]", missing="-") == "[-]"


@pytest.mark.parametrize(
    ("text", "name"), [("$nobody", "nobody"), ("${nobody}", "nobody"), ("$", ""), ("$-", ""), ("${", "")]
)
def test_a_name_that_is_none_is_told(text: str, name: str) -> None:
    with pytest.raises(UnknownVariable) as told:
        compile_template(text, lookup)
    assert told.value.args == (name,)


@pytest.mark.parametrize(
    ("text", "name"), [("${a_1", "a_1"), ("x${a b}", "a"), ("${-", ""), ("$name${name", "name"), ("${a\n}", "a")]
)
def test_a_bracket_that_is_not_closed_is_told(text: str, name: str) -> None:
    with pytest.raises(UnclosedVariable) as told:
        compile_template(text, lookup)
    assert told.value.args == ("", name)


def test_a_text_without_variables_is_constant() -> None:
    assert compile_template("text", lookup).constant == "text"
    assert compile_template("$name", lookup).constant is None
    assert constant("").render(NO_SESSION) == ""
    assert has_variables("a$b")
    assert not has_variables("ab")


def test_templates_are_equal_by_their_source() -> None:
    assert compile_template("$name", lookup) == Template("$name", ())
    assert len({compile_template("$name", lookup), compile_template("$name", lookup), constant("name")}) == 2
