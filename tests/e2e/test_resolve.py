"""`server NAME resolve`: peers that follow their name. nginx 1.22 does not know it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest
from clients import connect, ended_without_a_byte, name_of_peer
from deadline import wait_for
from dns_server import DnsServer
from gate import Gate
from peers import Peer, says

CONFIG = """
worker_processes 2;
stream {
    resolver 127.0.0.1:%%PORT_nobody%% %%DNS%% ipv6=off;
    resolver_timeout 5s;
    upstream named   { zone named 64k; server peers.example:%%PORT_peer%% resolve; }
    upstream service { zone service 64k; resolver %%DNS%% valid=1s; server example service=db resolve; }
    upstream mixed   { zone mixed 64k; server gone.example:1 resolve; server %%A%% backup; }
    server { listen 127.0.0.1:%%PORT_named%%;   proxy_pass named; }
    server { listen 127.0.0.1:%%PORT_service%%; proxy_pass service; }
    server { listen 127.0.0.1:%%PORT_mixed%%;   proxy_pass mixed; }
}
"""


@pytest.fixture
def server(peer_a: Peer, peer_b: Peer) -> Iterator[DnsServer]:
    zone = {
        ("peers.example", "A"): (1, ("127.0.0.1",)),
        ("_db._tcp.example", "SRV"): (1, (f"1 1 {peer_a.port} here.example.", f"2 1 {peer_b.port} here.example.")),
        ("here.example", "A"): (1, ("127.0.0.1",)),
    }
    with DnsServer(zone) as serving:
        yield serving


@pytest.fixture
def gate(tmp_path: Path, server: DnsServer, peer_a: Peer) -> Iterator[Gate]:
    with Gate(tmp_path, CONFIG, A=peer_a, DNS=server.address) as running, Peer(says("n"), port=running.port("peer")):
        yield running


def reaches(gate: Gate, port: str, letter: str) -> bool:
    try:
        return name_of_peer(gate.port(port)) == letter
    except ConnectionResetError:
        return False


def test_peers_follow_their_name(gate: Gate, server: DnsServer, peer_b: Peer) -> None:
    wait_for(lambda: reaches(gate, "named", "n"), "the name is resolved, though the first server is silent")
    wait_for(lambda: reaches(gate, "service", "a"), "the service is resolved")
    assert name_of_peer(gate.port("mixed")) == "a"
    server.zone = server.zone | {  # type: ignore[operator]  # a dict
        ("_db._tcp.example", "SRV"): (1, (f"1 1 {peer_b.port} here.example.",))
    }
    wait_for(lambda: all(reaches(gate, "service", "b") for _ in range(4)), "the service has moved")


def test_a_reload_keeps_the_peers_while_the_name_servers_are_down(gate: Gate, server: DnsServer) -> None:
    wait_for(lambda: reaches(gate, "named", "n") and reaches(gate, "service", "a"), "the names are resolved")
    server.code = dns.rcode.SERVFAIL
    gate.reload()
    assert all(reaches(gate, "named", "n") for _ in range(4))
    assert all(reaches(gate, "service", "a") for _ in range(4))
    gate.logged(r"\[error\] .* peers.example could not be resolved \(2: Server failure\)")


def test_a_name_that_does_not_exist_has_no_peers(gate: Gate, server: DnsServer) -> None:
    wait_for(lambda: reaches(gate, "service", "a"), "the service is resolved")
    server.zone = {("other.example", "A"): (1, ("127.0.0.1",))}

    def refused() -> bool:
        with connect(gate.port("service")) as client:
            return ended_without_a_byte(client)

    wait_for(lambda: all(refused() for _ in range(4)), "the peers are gone")
    gate.logged(r"\[error\] .* no live upstreams while connecting to upstream")
