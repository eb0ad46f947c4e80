"""Routes that differ by their names alone."""

from __future__ import annotations

import pytest
from builds import gateway, mistake

from penstock.shared.conf.builders.known_routes import KnownRoutes
from penstock.shared.conf.parser import parse
from penstock.shared.conf.tree import Directive
from penstock.shared.errors import ConfigError
from penstock.shared.model.settings import Settings
from penstock.shared.model.stream import Route


def written(block: str) -> Directive:
    (found,) = parse("/c", str, lambda _: [], "/", f"\n\nroute r {{ {block} }}").directives
    return found


def known(block: str) -> KnownRoutes:
    routes = KnownRoutes()
    routes.learn(Route("old", frozenset({"tls"}), None, Settings(), ("old",), preserve_host=True), written(block))
    return routes


def test_a_route_of_other_names_is_like_the_one_before_it() -> None:
    again = known("protocols tls; snis a.test; tags x;").again(
        "new", written("protocols tls; snis B.test b.test. c; tags x;")
    )
    assert again is not None
    assert (again.name, again.snis, sorted(again.protocols)) == ("new", ("b.test", "c"), ["tls"])
    assert again.preserve_host
    assert (again.where.line, again.where.column) == (3, 1)


@pytest.mark.parametrize(
    "block",
    ["protocols tcp; snis a;", "protocols tls; snis 1.2.3.4;", "protocols tls;", "snis a; protocols tls;", "snis 'a';"],
)
def test_any_other_route_is_read_as_a_whole(block: str) -> None:
    assert known("protocols tls; snis a.test;").again("new", written(block)) is None


def test_settings_of_a_route_s_own_are_read_each_time_as_they_know_their_place() -> None:
    assert known("protocols tls; snis a; deny all;").again("new", written("protocols tls; snis b; deny all;")) is None


def test_routes_of_a_configuration_share_their_settings() -> None:
    routes = gateway("".join(f"route r{at} {{ protocols tls; snis {at}.test; }}" for at in range(3))).routes
    assert [route.snis for route in routes] == [("0.test",), ("1.test",), ("2.test",)]
    assert routes[0].settings is routes[1].settings is routes[2].settings


def test_a_wrong_name_behind_right_ones_has_its_place() -> None:
    text = "route a { protocols tls; snis a.test; }\nroute b { protocols tls; snis x b*; }"
    error = mistake(text)
    assert isinstance(error, ConfigError)
    assert error.text == 'invalid SNI "b*": wildcard must be leftmost or rightmost character'
    assert error.line[(error.where.column if error.where else 0) - 1 :].startswith("b*;")
