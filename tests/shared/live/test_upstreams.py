"""Upstreams of records."""

from __future__ import annotations

from typing import Any

import pytest
from record_making import target, upstream
from viewed import Viewed

from penstock.shared.hello import ClientHello
from penstock.shared.live.upstreams import LARGEST_SHARE, health_of, implicit_of, lean_weights, upstream_of
from penstock.shared.model.address import ipv4, ipv6
from penstock.shared.model.health import HealthCheck
from penstock.shared.model.upstream import Resolver, Upstream

RESOLVER = Resolver((ipv4("127.0.0.1", 53),))


def made(*targets: str, resolver: Resolver | None = None, **fields: Any) -> Upstream:
    said: list[str] = []
    found = upstream_of(upstream("up", **fields), [target("up", each) for each in targets], resolver, said.append)
    assert not said, said
    return found


@pytest.mark.parametrize(
    ("fields", "method"),
    [
        ({}, ("round_robin", ())),
        ({"algorithm": "least-connections"}, ("least_conn", ())),
        ({"algorithm": "latency"}, ("least_time", ("connect",))),
        ({"algorithm": "consistent-hashing", "hash_on": "ip"}, ("hash", ("consistent",))),
        ({"algorithm": "consistent-hashing", "hash_on": "header", "hash_fallback": "ip"}, ("hash", ("consistent",))),
        ({"algorithm": "consistent-hashing", "hash_on": "none"}, ("round_robin", ())),
        ({"algorithm": "of tomorrow"}, ("round_robin", ())),
    ],
)
def test_algorithms_are_methods(fields: dict[str, Any], method: tuple[str, tuple[str, ...]]) -> None:
    found = made("127.0.0.1:1", **fields)
    assert (found.method, found.method_arguments) == method
    assert (found.key.source if found.key else None) == ("$remote_addr" if method[0] == "hash" else None)


@pytest.mark.parametrize(
    ("hash_on", "fallback", "name", "hashed"),
    [
        ("ip", "none", "a.test", "192.0.2.1"),
        ("sni", "none", "a.test", "a.test"),
        ("sni", "none", None, ""),
        ("sni", "ip", None, "192.0.2.1"),
        ("sni", "ip", "a.test", "a.test"),
        ("$remote_addr", "none", None, "192.0.2.1"),
        ("$ssl_preread_server_name", "$remote_addr", None, "192.0.2.1"),
        ("header", "sni", "a.test", "a.test"),
    ],
)
def test_what_is_hashed(hash_on: str, fallback: str, name: str | None, hashed: str) -> None:
    found = made("127.0.0.1:1", algorithm="consistent-hashing", hash_on=hash_on, hash_fallback=fallback)
    assert found.key is not None
    hello = ClientHello(name, (), 0x0303, (0x0304,)) if name else None
    assert found.key.render(Viewed(remote_addr="192.0.2.1", hello=hello)) == hashed


def test_targets_are_peers() -> None:
    found = made("10.0.0.1:1", "[::1]:2", "db.test:3", "db.test")
    assert {peer.address for peer in found.peers} == {ipv4("10.0.0.1", 1), ipv6("::1", 2), None}
    assert {(peer.host, peer.port, peer.resolve) for peer in found.peers if peer.address is None} == {
        ("db.test", 3, False),
        ("db.test", 8000, False),
    }
    assert all(peer.resolve for peer in made("db.test:3", resolver=RESOLVER).peers)
    assert found.live


def test_the_order_is_by_age() -> None:
    younger, older = target("up", "10.0.0.1:1"), {**target("up", "10.0.0.2:2"), "created_at": 1.5}
    found = upstream_of(upstream("up"), [younger, older], None, print)
    assert [peer.name for peer in found.peers] == ["10.0.0.2:2", "10.0.0.1:1"]


def test_what_is_no_address_is_left_out_with_a_word() -> None:
    said: list[str] = []
    found = upstream_of(upstream("up"), [target("up", "a:b:c"), target("up", "10.0.0.1:1")], None, said.append)
    assert [peer.name for peer in found.peers] == ["10.0.0.1:1"]
    assert said
    assert '"a:b:c", it is left out' in said[0]


@pytest.mark.parametrize(
    ("weights", "lean"), [([100, 100], [1, 1]), ([100, 50, 0], [2, 1, 0]), ([0, 0], [0, 0]), ([], []), ([7], [1])]
)
def test_weights_are_small(weights: list[int], lean: list[int]) -> None:
    assert lean_weights(weights, limited=False) == lean


def test_a_circle_has_no_millions_of_points() -> None:
    lean = lean_weights([65535, 65534, 1, 0], limited=True)
    assert sum(lean) <= 3 * LARGEST_SHARE + 1
    assert lean[2:] == [1, 0]
    assert lean[0] == lean[1]


def test_a_target_of_no_weight_is_down() -> None:
    found = upstream_of(upstream("up"), [target("up", "10.0.0.1:1", 0)], None, print)
    assert [(peer.down, peer.weight, peer.max_fails) for peer in found.peers] == [(True, 1, 0)]


@pytest.mark.parametrize(
    ("host", "name", "address"),
    [
        ("10.0.0.1", "10.0.0.1:5", ipv4("10.0.0.1", 5)),
        ("::1", "[::1]:5", ipv6("::1", 5)),
        ("a.test", "a.test:5", None),
        ("tcpbin-echo", "tcpbin-echo:5", None),
    ],
)
def test_a_host_is_an_upstream_of_one(host: str, name: str, address: object) -> None:
    found = implicit_of(host, 5, None)
    assert found.implicit
    assert [(peer.name, peer.address, peer.host) for peer in found.peers] == [(name, address, host)]


def test_health_checks_are_off_until_they_say_something() -> None:
    assert health_of({}) is None
    assert health_of({"active": {"type": "tcp", "healthy": {"interval": 0}, "unhealthy": {"interval": 0}}}) is None
    assert health_of({"threshold": 5, "passive": {"unhealthy": {"tcp_failures": 2, "timeouts": 3}}}) == HealthCheck(
        None, 2, 3, 5.0
    )


def test_active_checks_are_probes() -> None:
    active = {
        "type": "https", "https_sni": "a.test", "timeout": 0.5, "healthy": {"interval": 2, "successes": 4},
        "unhealthy": {"interval": 1, "tcp_failures": 3, "timeouts": 5},
    }  # fmt: skip
    check = health_of({"active": active})
    assert check is not None
    probe = check.probe
    assert probe is not None
    assert (probe.interval, probe.ill_interval, probe.timeout, probe.rise) == (2.0, 1.0, 0.5, 4)
    assert (probe.fall, probe.timeout_fall, probe.tls, probe.sni) == (3, 5, True, "a.test")
