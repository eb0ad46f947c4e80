"""Balancing methods, of nginx and of Penstock."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from zlib import crc32

import pytest
from clients import connect, read_exactly
from daemon import Daemon
from gate import Gate
from oracle import PROGRAMS, oracle
from peers import Peer

CONFIG = """
worker_processes 1;
stream {
    log_format tries '$server_port $status $upstream_addr';
    access_log %%DIR%%/access.log tries;

    upstream hash       { hash $remote_addr; server %%A%%; server %%B%%; server %%C%%; }
    upstream weighted   { hash $remote_addr; server %%A%% weight=3; server %%B%%; }
    upstream pieces     { hash "$remote_addr-$protocol"; server %%A%%; server %%B%%; server %%C%%; }
    upstream consistent { hash $remote_addr consistent; server %%A%%; server %%B%% weight=2; server %%C%%; }
    upstream hash_dead  { hash $remote_addr; server 127.0.0.1:%%PORT_dead%% weight=50 fail_timeout=1h; server %%B%%; }
    upstream least      { least_conn; server %%A%% weight=2; server %%B%%; server %%C%%; }
    upstream full       { least_conn; server %%A%% max_conns=1; server %%B%% max_conns=1; }
    upstream random     { random; server %%A%%; server %%B%%; server %%C%% down; }
    upstream two        { random two least_conn; server %%A%%; server %%B%%; server %%C%%; }

    server { listen 127.0.0.1:%%PORT_hash%%;       proxy_pass hash; }
    server { listen 127.0.0.1:%%PORT_weighted%%;   proxy_pass weighted; }
    server { listen 127.0.0.1:%%PORT_pieces%%;     proxy_pass pieces; }
    server { listen 127.0.0.1:%%PORT_consistent%%; proxy_pass consistent; }
    server { listen 127.0.0.1:%%PORT_hash_dead%%;  proxy_pass hash_dead; }
    server { listen 127.0.0.1:%%PORT_least%%;      proxy_pass least; }
    server { listen 127.0.0.1:%%PORT_full%%;       proxy_pass full; }
    server { listen 127.0.0.1:%%PORT_random%%;     proxy_pass random; }
    server { listen 127.0.0.1:%%PORT_two%%;        proxy_pass two; }
}
"""

SLOW = """
worker_processes 1;
stream {
    upstream quick { least_time connect; server %%A%%; server %%B%%; server %%C%%; }
    upstream last  { least_time last_byte inflight; server %%A%%; server %%B%%; }
    upstream drawn { random two least_time=first_byte; server %%A%%; server %%B%%; }
    server { listen 127.0.0.1:%%PORT_quick%%; proxy_pass quick; }
    server { listen 127.0.0.1:%%PORT_last%%;  proxy_pass last; }
    server { listen 127.0.0.1:%%PORT_drawn%%; proxy_pass drawn; }
}
"""

SOURCES = [f"127.0.0.{number}" for number in range(10, 40)]


@pytest.fixture(params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, peer_a: Peer, peer_b: Peer, peer_c: Peer
) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("methods")
    with oracle(request.param, directory, CONFIG, A=peer_a, B=peer_b, C=peer_c) as daemon:
        yield daemon


def reached(running: Daemon, port: str, source: str) -> str:
    """Whom a client at an address reaches."""
    target = ("127.0.0.1", running.port(port))
    with socket.create_connection(target, timeout=15, source_address=(source, 0)) as client:
        return read_exactly(client, 1).decode()


def held(running: Daemon, port: str, count: int) -> str:
    """Whom sessions reach that are open at the same time."""
    with ExitStack() as stack:
        return "".join(read_exactly(stack.enter_context(connect(running.port(port))), 1).decode() for _ in range(count))


def checksum(key: str) -> int:
    return crc32(key.encode()) >> 16 & 0x7FFF


def test_hash_goes_by_the_checksum_of_the_key(running: Daemon) -> None:
    assert {source: reached(running, "hash", source) for source in SOURCES} == {
        source: "abc"[checksum(source) % 3] for source in SOURCES
    }


def test_hash_goes_by_weight(running: Daemon) -> None:
    assert {source: reached(running, "weighted", source) for source in SOURCES} == {
        source: "aaab"[checksum(source) % 4] for source in SOURCES
    }


def test_the_key_may_be_made_of_pieces(running: Daemon) -> None:
    assert {source: reached(running, "pieces", source) for source in SOURCES} == {
        source: "abc"[checksum(source + "-TCP") % 3] for source in SOURCES
    }


def test_a_key_keeps_its_peer(running: Daemon) -> None:
    for port in ("hash", "consistent"):
        first = [reached(running, port, source) for source in SOURCES[:8]]
        assert [reached(running, port, source) for source in SOURCES[:8]] == first
        assert len(set(first)) > 1


def test_a_key_of_a_dead_peer_goes_to_another(running: Daemon, peer_b: Peer) -> None:
    assert {reached(running, "hash_dead", source) for source in SOURCES[:5]} == {"b"}
    dead = f"127.0.0.1:{running.port('dead')}"
    lines = running.sessions("hash_dead", 5)
    assert sorted(set(lines)) == [f"200 {dead}, {peer_b}", f"200 {peer_b}"]
    assert lines.count(f"200 {dead}, {peer_b}") == 1


def test_least_conn_spreads_open_sessions_by_weight(running: Daemon) -> None:
    said = held(running, "least", 12)
    assert sorted(said) == list("aaaaaabbbccc")
    assert sorted(said[:4]) == list("aabc")


def test_max_conns_refuses_with_502_when_all_are_full(running: Daemon) -> None:
    assert sorted(held(running, "full", 3)) == ["a", "b"]
    assert "502 full" in running.sessions("full", 3)


def test_random_reaches_everybody_but_those_that_are_down(running: Daemon) -> None:
    said = {reached(running, "random", "127.0.0.1") for _ in range(40)}
    assert said == {"a", "b"}


def test_random_two_spreads_open_sessions(running: Daemon) -> None:
    said = held(running, "two", 30)
    assert all(said.count(letter) >= 4 for letter in "abc"), said


def test_least_time_serves(tmp_path_factory: pytest.TempPathFactory, peer_a: Peer, peer_b: Peer, peer_c: Peer) -> None:
    """nginx 1.22 does not know it. Which peer is quickest is for the twin of the module."""
    with Gate(tmp_path_factory.mktemp("times"), SLOW, A=peer_a, B=peer_b, C=peer_c) as gate:
        for port in ("quick", "last", "drawn"):
            assert set(held(gate, port, 20)) >= {"a", "b"}
            assert reached(gate, port, "127.0.0.1") in "abc"
