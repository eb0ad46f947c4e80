"""Names that a configuration defines beside the built-in ones."""

from __future__ import annotations

import pytest
from viewed import Viewed

from penstock.shared.scope import NotChangeable, Scope
from penstock.shared.template import UnknownVariable
from penstock.shared.variables import lookup


@pytest.fixture
def scope() -> Scope:
    return Scope(lookup)


def test_built_in_names_are_found(scope: Scope) -> None:
    assert scope.lookup("remote_addr")(Viewed(remote_addr="10.0.0.1")) == "10.0.0.1"


def test_an_unknown_name_is_said(scope: Scope) -> None:
    with pytest.raises(UnknownVariable, match="nothing"):
        scope.lookup("nothing")


def test_a_map_is_known_before_it_is_defined(scope: Scope) -> None:
    scope.declare_map("later")
    early = scope.lookup("later")
    scope.define_map("later", lambda session: session.remote_addr)
    assert early(Viewed(remote_addr="10.0.0.1")) == "10.0.0.1"


def test_a_map_that_is_never_defined_is_not_found(scope: Scope) -> None:
    scope.declare_map("never")
    assert scope.lookup("never")(Viewed()) is None


def test_the_last_map_of_a_name_counts(scope: Scope) -> None:
    scope.define_map("twice", lambda _: "first")
    scope.define_map("twice", lambda _: "second")
    assert scope.lookup("twice")(Viewed()) == "second"


def test_a_set_variable_is_empty_until_it_is_set(scope: Scope) -> None:
    scope.define_set("mine")
    assert scope.lookup("mine")(Viewed()) == ""
    assert scope.lookup("mine")(Viewed(values={"mine": "x"})) == "x"


def test_a_capture_is_not_found_until_it_matches(scope: Scope) -> None:
    scope.define_capture("part")
    assert scope.lookup("part")(Viewed()) is None
    assert scope.lookup("part")(Viewed(values={"part": "x"})) == "x"


def test_numbered_groups_are_always_known(scope: Scope) -> None:
    assert scope.lookup("1")(Viewed(values={"1": "one"})) == "one"
    with pytest.raises(UnknownVariable):
        scope.lookup("0")


@pytest.mark.parametrize("define", ["declare_map", "define_set", "define_capture"])
def test_built_in_variables_cannot_be_defined(scope: Scope, define: str) -> None:
    with pytest.raises(NotChangeable, match="pid"):
        getattr(scope, define)("pid")
