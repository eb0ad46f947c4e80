"""What the log says of a connection that no route takes."""

from __future__ import annotations

import time

import pytest
from route_making import route, service

from penstock.shared.conditions import Seen
from penstock.shared.refusal import Refusal, described, nearest

ROUTES = [
    route("orders", snis="orders.example.test", sources=["10.0.0.0/8"]),
    route("vault", "tls_passthrough", snis="vault.example.test *.vault.test"),
    route("legacy", "tcp", sources=["172.16.0.1", "[::1]:80"], destinations=[":6000"]),
]
TLS = Seen(True, "orders.example.test", ("192.0.2.9", 40000), ("192.0.2.1", 5555))
PLAIN = Seen(False, None, ("192.0.2.9", 40000), ("192.0.2.1", 6000))


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (TLS, 'the nearest route is "orders": its sources are 10.0.0.0/8'),
        (
            TLS._replace(sni="vautl.example.test"),
            'the nearest route is "vault": its SNI is vault.example.test, *.vault.test',
        ),
        (
            TLS._replace(sni=None, source=("10.0.0.1", 1)),
            'the nearest route is "orders": its SNI is orders.example.test, there is none',
        ),
        (PLAIN, 'the nearest route is "legacy": its sources are 172.16.0.1, [::1]:80'),
        (
            PLAIN._replace(source=("::1", 80), destination=("::1", 1)),
            'the nearest route is "legacy": its destinations are :6000',
        ),
    ],
)
def test_the_nearest_route_is_named_with_what_failed(seen: Seen, text: str) -> None:
    assert Refusal(ROUTES).nearest(seen) == text


def test_a_route_for_tls_says_so_to_plain_traffic() -> None:
    assert Refusal([route("web")]).nearest(PLAIN) == 'the nearest route is "web": it takes TLS only'
    both = Refusal([route("web", "tls tcp", snis="a.test b.test c.test d.test")])
    assert both.nearest(PLAIN) == (
        'the nearest route is "web": its SNI is a.test, b.test, c.test and 1 more, plain traffic has none'
    )


def test_fewer_failed_conditions_are_nearer_than_a_name_alike() -> None:
    routes = [route("alike", snis="a.test", destinations=[":1"], sources=["10.0.0.1"]), route("one", snis="z.other")]
    assert Refusal(routes).nearest(TLS._replace(sni="a.tesp")) == 'the nearest route is "one": its SNI is z.other'


def test_without_routes_there_is_none() -> None:
    assert Refusal([]).nearest(TLS) == "there is no route"
    assert Refusal([route(service=service(enabled=False))]).nearest(TLS) == "no route is near"


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (TLS, 'TLS with SNI "orders.example.test" from 192.0.2.9:40000 to 192.0.2.1:5555'),
        (TLS._replace(sni="a\n\0"), r'TLS with SNI "a\x0A\x00" from 192.0.2.9:40000 to 192.0.2.1:5555'),
        (TLS._replace(sni=None, source=("::1", 1)), "TLS without SNI from [::1]:1 to 192.0.2.1:5555"),
        (PLAIN._replace(source=("unix:", 0)), "plain traffic from unix: to 192.0.2.1:6000"),
    ],
)
def test_what_was_seen_is_described(seen: Seen, text: str) -> None:
    assert described(seen) == text


def test_the_whole_line() -> None:
    line = nearest(ROUTES, True, "x.test", ("10.0.0.1", 1), ("10.0.0.2", 2))
    assert line.startswith('no route for TLS with SNI "x.test" from 10.0.0.1:1 to 10.0.0.2:2; the nearest route is "')


def test_a_near_name_is_found_among_many_and_quickly() -> None:
    routes = [route(f"r{n}", snis=f"host{n}.zone{n}.test") for n in range(20000)]
    refusal = Refusal(routes)
    began = time.process_time()
    for _ in range(20):
        said = refusal.nearest(TLS._replace(sni="host.zone12345.test"))
    assert said == 'the nearest route is "r12345": its SNI is host12345.zone12345.test'
    assert time.process_time() - began < 2  # twenty readings of all 20,000 routes would take longer than that


def test_a_route_with_very_many_conditions_is_passed_over() -> None:
    routes = [route("big", sources=[f"10.0.{n}.1" for n in range(100)]), route("small", sources=["10.0.0.1"])]
    assert '"small"' in Refusal(routes).nearest(TLS)
