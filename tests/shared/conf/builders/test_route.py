"""`route {}`: Kong's conditions and rules."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from builds import gateway, mistake, pair_files

from penstock.shared.conf.builders.route import endpoint
from penstock.shared.conf.tree import Word
from penstock.shared.errors import ConfigError
from penstock.shared.model.stream import Endpoint, Route
from penstock.shared.model.where import NOWHERE

SERVICE = "service s { url tls://h:1; read_timeout 90s; tls_verify on; ca_certificates a.crt; }"


def route(block: str, before: str = "") -> Route:
    return gateway(f"{before} {SERVICE} route r {{ {block} }}", pair_files()).routes[0]


def test_everything_that_a_route_says() -> None:
    found = route(
        "protocols tls tcp; snis A.test *.b.test; sources 10.0.0.0/8; destinations :5555; service s; preserve_host on;"
    )
    assert (found.name, found.protocols, found.snis) == ("r", frozenset({"tls", "tcp"}), ("a.test", "*.b.test"))
    assert found.sources == (Endpoint(ip_network("10.0.0.0/8"), None, cidr=True),)
    assert found.destinations == (Endpoint(None, 5555),)
    assert found.service is not None
    assert (found.service.name, found.preserve_host) == ("s", True)


def test_routes_keep_their_order() -> None:
    text = "".join(f"route {name} {{ protocols tls; snis {name}.test; }}" for name in ("z", "a", "m"))
    assert [found.name for found in gateway(text).routes] == ["z", "a", "m"]


def test_a_route_may_have_no_service() -> None:
    found = route("protocols tls; snis a.test;")
    assert (found.service, found.settings.upstream_tls.on) == (None, False)


def test_a_route_may_stand_above_its_service() -> None:
    text = "route r { protocols tcp; destinations :1; service s; } service s { url tcp://h:1; }"
    assert gateway(text).routes[0].service is not None


def test_a_name_written_twice_counts_once() -> None:
    assert route("protocols tls; snis a.test A.test.;").snis == ("a.test",)


def test_a_route_inherits_from_its_service_and_that_from_the_stream() -> None:
    settings = route("protocols tls; snis a.test; service s;", before="preread_timeout 4s; tcp_nodelay off;").settings
    assert (settings.proxy.timeout, settings.preread_timeout, settings.tcp_nodelay) == (90.0, 4.0, False)
    assert (settings.upstream_tls.on, settings.upstream_tls.trusted_ca) == (True, pair_files()["a.crt"])


def test_a_route_s_own_directives_win_over_its_service_s_fields() -> None:
    settings = route(
        "protocols tls; snis a.test; service s; proxy_timeout 5s; proxy_ssl_verify off; deny all;"
    ).settings
    assert (settings.proxy.timeout, settings.upstream_tls.verify, len(settings.access)) == (5.0, False, 1)


def test_nginx_s_directives_of_a_service_win_over_those_of_the_stream_in_its_routes() -> None:
    text = "proxy_timeout 1s; service s { url tcp://h:1; proxy_timeout 2s; deny all; }"
    found = gateway(f"{text} route r {{ protocols tcp; destinations :1; service s; }}").routes[0]
    assert (found.settings.proxy.timeout, len(found.settings.access)) == (2.0, 1)


def test_rules_for_clients_are_read_where_tls_ends() -> None:
    rules = "ssl_verify_client on; ssl_client_certificate a.crt;"
    text = f"stream_listen 1; {SERVICE} {rules} route r {{ protocols %s; snis a.test; service s; }}"
    ended, passed = (gateway(text % word, pair_files()).routes[0].settings.tls for word in ("tls", "tls_passthrough"))
    assert (ended.client_ca, passed.client_ca) == (pair_files()["a.crt"], None)


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("snis a.test;", 'no "protocols" in route "r"'),
        ("protocols http; snis a.test;", 'invalid value "http"'),
        (
            "protocols tls tls_passthrough; snis a.test;",
            "these sets are mutually exclusive: ('tcp', 'tls'), ('tls_passthrough')",
        ),
        (
            "protocols tls;",
            "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp' or 'tls'",
        ),
        ("protocols tls_passthrough; destinations :1;", "must set snis when 'protocols' is 'tls_passthrough'"),
        (
            "protocols tcp; snis a.test;",
            "'snis' can only be set when 'protocols' is 'tls' or 'tls_passthrough'",
        ),
        ("protocols tls; snis *;", 'invalid SNI "*": wildcard must be leftmost or rightmost character'),
        ("protocols tcp; sources x;", "invalid ip or cidr range: 'x'"),
        ("protocols tcp; destinations :1; service nosuch;", 'unknown service "nosuch"'),
    ],
)
def test_mistakes(block: str, complaint: str) -> None:
    assert mistake(f"route r {{ {block} }}").text == complaint


def test_a_near_service_is_offered() -> None:
    text = "service orders { url tcp://h:1; } route r { protocols tcp; destinations :1; service order; }"
    assert mistake(text).hint == 'did you mean "orders"?'


def test_two_routes_of_a_name() -> None:
    text = "route r { protocols tcp; destinations :1; }\nroute r { protocols tcp; destinations :2; }"
    error = mistake(text)
    assert (error.text, error.hint) == ('duplicate route "r"', "the first is at /etc/penstock/penstock.conf:1")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("10.0.0.1", Endpoint(ip_network("10.0.0.1"))),
        ("10.0.0.1:5555", Endpoint(ip_network("10.0.0.1"), 5555)),
        (":5555", Endpoint(None, 5555)),
        (":0", Endpoint(None, 0)),
        ("10.0.0.1/8", Endpoint(ip_network("10.0.0.0/8"), cidr=True)),
        ("10.0.0.0/8:443", Endpoint(ip_network("10.0.0.0/8"), 443, cidr=True)),
        ("10.0.0.1/32", Endpoint(ip_network("10.0.0.1"), cidr=True)),
        ("[::1]:443", Endpoint(ip_network("::1"), 443)),
        ("[::1]", Endpoint(ip_network("::1"))),
        ("::1", Endpoint(ip_network("::1"))),
        ("2001:db8::/32", Endpoint(ip_network("2001:db8::/32"), cidr=True)),
        ("[2001:db8::]/32:443", Endpoint(ip_network("2001:db8::/32"), 443, cidr=True)),
    ],
)
def test_entries_of_sources_and_destinations(written: str, expected: Endpoint) -> None:
    assert endpoint(Word(written, NOWHERE)) == expected


@pytest.mark.parametrize(
    "written", ["", ":", "x", "10.0.0", "10.0.0.0/33", "/8", "/8:1", "10.0.0.1:", "[::1", "a.test:1", "::1/129"]
)
def test_what_is_no_entry(written: str) -> None:
    with pytest.raises(ConfigError, match="invalid ip or cidr range"):
        endpoint(Word(written, NOWHERE))


def test_the_highest_port() -> None:
    assert endpoint(Word(":65535", NOWHERE)).port == 65535
    with pytest.raises(ConfigError, match="value should be between 0 and 65535"):
        endpoint(Word(":65536", NOWHERE))
