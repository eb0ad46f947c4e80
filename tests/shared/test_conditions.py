"""One route against one connection."""

from __future__ import annotations

import pytest
from route_making import route

from penstock.shared.conditions import DESTINATIONS, SNIS, SOURCES, Fit, Seen, beats, comparable, fit_of, weight_of
from penstock.shared.endpoint_table import CIDR, IP, IP_PORT, PORT
from penstock.shared.name_table import EXACT

SEEN = Seen(True, "A.test.", ("10.1.2.3", 40000), ("192.0.2.1", 5555))


def test_a_match_fails_in_nothing() -> None:
    one = route(snis="a.test", sources=["10.0.0.0/8", "10.1.2.3"], destinations=[":5555"])
    fit, failed = fit_of(7, one, SEEN)
    assert failed == ()
    assert fit == Fit(True, 15, IP, PORT, EXACT, -7)


def test_each_condition_that_fails_is_named() -> None:
    one = route(protocols="tcp", snis="b.test", sources=["10.0.0.1"], destinations=[":1"])
    assert fit_of(0, one, SEEN)[1] == ("snis", "sources", "destinations")
    assert fit_of(0, route(), SEEN._replace(tls=False))[1] == ("protocols",)


def test_weights_have_the_order_of_the_rules() -> None:
    both = SOURCES | DESTINATIONS
    order = [SNIS | both, both, SNIS | SOURCES, SNIS | DESTINATIONS, SNIS, SOURCES, DESTINATIONS, 0]
    assert sorted(order, key=weight_of, reverse=True) == order


@pytest.mark.parametrize(
    ("winner", "loser", "why"),
    [
        (Fit(True, 15, 0, 0, 0, 0), Fit(True, 4, 0, 0, 0, 0), "SNI and source and destination over SNI"),
        (Fit(True, 2, IP_PORT, 0, 0, 0), Fit(True, 2, IP, 0, 0, 0), "source by ip and port over ip"),
        (Fit(True, 1, 0, CIDR + 120, 0, 0), Fit(True, 1, 0, CIDR + 104, 0, 0), "destination by the longer prefix"),
        (Fit(True, 4, 0, 0, 8, 0), Fit(True, 4, 0, 0, 6, 0), "wildcard of 8 characters over wildcard of 6 characters"),
        (Fit(True, 4, 0, 0, 8, 0), Fit(True, 4, 0, 0, 8, -1), "the older route"),
    ],
)
def test_the_reason_is_the_first_difference(winner: Fit, loser: Fit, why: str) -> None:
    assert winner > loser
    assert beats(winner, loser) == why


@pytest.mark.parametrize(
    ("sni", "name"),
    [
        ("A.Test.", "a.test"),
        (None, None),
        ("", None),
        (".", None),
        ("a" * 255 + ".", "a" * 255),
        ("a" * 257, None),
    ],
)
def test_only_a_name_that_dns_could_have_is_compared(sni: str | None, name: str | None) -> None:
    assert comparable(sni) == name
