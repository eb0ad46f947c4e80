"""Inheritance between blocks."""

from __future__ import annotations

import pytest

from penstock.shared.conf.builders.scope import Scope
from penstock.shared.conf.parser import parse
from penstock.shared.errors import ConfigError


def scopes(outer: str, inner: str) -> Scope:
    """A block inside another."""
    return Scope(directives(inner).directives, directives(outer))


def directives(text: str) -> Scope:
    """The block of a text."""
    return Scope(parse("test.conf", str, lambda _: [], "", text).directives)


def test_the_inner_block_wins() -> None:
    scope = scopes("proxy_timeout 1s; tcp_nodelay off;", "proxy_timeout 2s;")
    assert scope.seconds("proxy_timeout", 9.0) == 2.0
    assert scope.flag("tcp_nodelay", True) is False
    assert scope.number("proxy_requests", 7) == 7


def test_a_list_is_inherited_as_a_whole_or_not_at_all() -> None:
    scope = scopes("allow 10.0.0.1; deny all;", "deny 10.0.0.2;")
    assert [directive.words[0].text for directive in scope.all("allow", "deny")] == ["10.0.0.2"]
    assert len(scopes("allow 10.0.0.1; deny all;", "").all("allow", "deny")) == 2


def test_directives_of_several_names_keep_the_order_written() -> None:
    scope = directives("deny 1.1.1.1; allow 2.2.2.2; pid x; deny all;")
    assert [directive.words[0].text for directive in scope.own("allow", "deny")] == ["1.1.1.1", "2.2.2.2", "all"]


def test_the_distance_to_a_directive() -> None:
    scope = scopes("a 1; b 1;", "b 2;")
    assert [scope.depth(name) for name in ("a", "b", "c")] == [1, 0, None]


def test_a_directive_that_stands_twice_in_a_block_names_the_first() -> None:
    with pytest.raises(ConfigError, match='"a" directive is duplicate') as caught:
        directives("a 1;\na 2;").one("a")
    assert caught.value.hint == "the first is at test.conf:1"


def test_values_of_the_types_that_directives_have() -> None:
    scope = directives("s 2k; t 1m; w word; n 3; f on;")
    assert (scope.size("s", 0), scope.seconds("t", 0), scope.text("w", "")) == (2048, 60.0, "word")
    assert (scope.number("n", 0), scope.flag("f", False), scope.optional_size("x")) == (3, True, None)
