"""`upstream {}` and implicit upstreams."""

from __future__ import annotations

import pytest
from builds import mistake, stream, warnings

from penstock.shared.model.address import ipv4, ipv6, unix
from penstock.shared.model.stream import ProxyPass
from penstock.shared.model.upstream import Peer, Upstream

PASS = "server {{ listen {}; proxy_pass {}; }}"


def upstream(servers: str) -> Upstream:
    return stream(f"upstream u {{ {servers} }}").upstreams["u"]


def passed_to(address: str, before: str = "", port: int = 9) -> Upstream:
    """The upstream of a `proxy_pass`."""
    handler = stream(before + PASS.format(port, address)).servers[-1].handler
    assert isinstance(handler, ProxyPass)
    assert handler.upstream is not None
    return handler.upstream


def test_a_server_has_nginx_s_defaults() -> None:
    (peer,) = upstream("server 10.0.0.1:80;").peers
    assert peer == Peer("10.0.0.1:80", ipv4("10.0.0.1", 80), "10.0.0.1", 80, where=peer.where)
    assert (peer.weight, peer.max_fails, peer.fail_timeout, peer.max_conns) == (1, 1, 10.0, 0)


def test_all_parameters() -> None:
    _, peer = upstream(
        "server unix:/a; server 10.0.0.1:80 weight=3 max_conns=4 max_fails=0 fail_timeout=1m backup down;"
    ).peers
    assert (peer.weight, peer.max_conns, peer.max_fails, peer.fail_timeout) == (3, 4, 0, 60.0)
    assert (peer.backup, peer.down) == (True, True)


def test_a_unix_socket_has_no_port() -> None:
    (peer,) = upstream("server unix:/run/x;").peers
    assert (peer.name, peer.address, peer.port) == ("unix:/run/x", unix("/run/x"), 0)


def test_a_name_with_several_addresses_gives_peers_with_equal_parameters() -> None:
    peers = upstream("server both.test:80 weight=3;").peers
    assert [(peer.name, peer.address, peer.host, peer.weight) for peer in peers] == [
        ("both.test:80", ipv4("10.0.0.3", 80), "both.test", 3),
        ("both.test:80", ipv6("2001:db8::3", 80), "both.test", 3),
    ]


def test_a_name_without_address_is_kept_and_warned_about() -> None:
    text = "upstream u { server gone.test:80 weight=3; }"
    (peer,) = stream(text).upstreams["u"].peers
    assert (peer.address, peer.host, peer.port, peer.weight) == (None, "gone.test", 80, 3)
    assert warnings(text) == ['host not found in upstream "gone.test:80"']


@pytest.mark.parametrize(
    ("servers", "text"),
    [
        ("", "no servers are inside upstream"),
        ("server 127.0.0.1;", 'no port in upstream "127.0.0.1"'),
        ("server 127.0.0.1:x;", 'invalid port in upstream "127.0.0.1:x"'),
        ("server 127.0.0.1:1 weight=0;", 'invalid parameter "weight=0"'),
        ("server 127.0.0.1:1 weight=-1;", 'invalid parameter "weight=-1"'),
        ("server 127.0.0.1:1 max_conns=x;", 'invalid parameter "max_conns=x"'),
        ("server 127.0.0.1:1 fail_timeout=1ms;", 'invalid parameter "fail_timeout=1ms"'),
        ("server 127.0.0.1:1 foo;", 'invalid parameter "foo"'),
        ("server 127.0.0.1:1 down=1;", 'invalid parameter "down=1"'),
        ("server 127.0.0.1:1 backup;", 'no servers in upstream "u"'),
        ("server h.test:1 resolve;", 'no resolver defined to resolve names at run time in upstream "u"'),
        ("server h.test service=x;", 'service upstream server "h.test" requires "resolve" parameter'),
        ("server h.test:1 service=x resolve;", 'service upstream server "h.test:1" may not have port'),
        ("server 10.0.0.1 service=x resolve;", 'service upstream server "10.0.0.1" requires domain name'),
        ("server h.test service= resolve;", 'invalid parameter "service="'),
        ("server h.test resolve;", 'no port in upstream "h.test"'),
    ],
)
def test_mistakes(servers: str, text: str) -> None:
    assert mistake(f"upstream u {{ {servers} }}").text == text


def test_a_near_parameter_is_offered() -> None:
    assert mistake("upstream u { server 127.0.0.1:1 wieght=3; }").hint == 'did you mean "weight"?'


def test_two_upstreams_of_a_name_whatever_their_case() -> None:
    error = mistake("upstream u { server 10.0.0.1:1; } upstream U { server 10.0.0.1:1; }")
    assert error.text == 'duplicate upstream "U"'
    assert error.hint.endswith(":1")


def test_proxy_pass_finds_an_upstream_below_it_and_in_any_case() -> None:
    text = PASS.format(1, "GROUP") + "upstream group { server 10.0.0.1:1; }"
    result = stream(text)
    handler = result.servers[0].handler
    assert isinstance(handler, ProxyPass)
    assert handler.upstream is result.upstreams["group"]


def test_an_upstream_may_not_have_a_port() -> None:
    text = "upstream u { server 10.0.0.1:1; }" + PASS.format(1, "u:80")
    assert mistake(text).text == 'upstream "u" may not have port 80'


def test_a_mistyped_upstream_is_offered() -> None:
    error = mistake("upstream backend { server 10.0.0.1:1; }" + PASS.format(1, "backnd"))
    assert (error.text, error.hint) == ('no port in upstream "backnd"', 'did you mean the upstream "backend"?')


def test_an_address_makes_an_upstream_of_its_own() -> None:
    found = passed_to("two.test:80")
    assert (found.name, found.implicit) == ("two.test:80", True)
    assert [peer.address for peer in found.peers] == [ipv4("10.0.0.1", 80), ipv4("10.0.0.2", 80)]


def test_the_same_address_shares_its_upstream() -> None:
    servers = stream(PASS.format(1, "10.0.0.1:80") + PASS.format(2, "10.0.0.1:80")).servers
    first, second = (server.handler for server in servers)
    assert isinstance(first, ProxyPass)
    assert isinstance(second, ProxyPass)
    assert first.upstream is second.upstream


RESOLVED = "upstream u {{ {} server gone.test:80 resolve; server gone.test service=x resolve weight=2; }}"


def test_a_name_to_resolve_is_left_to_the_workers() -> None:
    text = RESOLVED.format("resolver 127.0.0.1:5353 127.0.0.2 valid=5s; resolver_timeout 3s;")
    made = stream(text).upstreams["u"]
    assert [(peer.address, peer.host, peer.port, peer.resolve, peer.service, peer.weight) for peer in made.peers] == [
        (None, "gone.test", 80, True, None, 1),
        (None, "gone.test", 0, True, "x", 2),
    ]
    assert made.resolver is not None
    assert [str(server) for server in made.resolver.servers] == ["127.0.0.1:5353", "127.0.0.2:53"]
    assert (made.resolver.valid, made.resolver.timeout) == (5.0, 3.0)
    assert warnings(text) == []


def test_the_resolver_may_be_the_streams() -> None:
    made = stream("resolver 127.0.0.1; " + RESOLVED.format("resolver_timeout 2s;")).upstreams["u"].resolver
    assert made is not None
    assert (str(made.servers[0]), made.timeout) == ("127.0.0.1:53", 2.0)


def test_an_address_needs_no_resolving() -> None:
    (peer,) = stream("resolver 127.0.0.1; upstream u { server 10.0.0.1:1 resolve; }").upstreams["u"].peers
    assert (peer.address, peer.resolve) == (ipv4("10.0.0.1", 1), False)


def test_a_server_that_drains_gets_no_new_sessions() -> None:
    found = stream("upstream u { server 10.0.0.1:1 drain; server 10.0.0.1:2; }").upstreams["u"]
    assert [peer.down for peer in found.peers] == [True, False]
