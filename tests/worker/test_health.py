"""Peers that health checks keep out of service, in one worker."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from clients import reset
from workerbench import Bench

from penstock.shared.health_zone import HealthZone
from penstock.shared.model.health import HealthCheck
from penstock.worker.balance import Balancer

TEXT = """
upstream u {{ server 127.0.0.1:%%A%% {a}; server 127.0.0.1:%%B%%; health_check; }}
server {{ listen 127.0.0.1:%%PORT_a%%; proxy_pass u; proxy_session_drop on; {more} }}
"""


class Pair:
    """A worker with two peers, each a socket of the test's."""

    def __init__(self, folder: Path, check: HealthCheck, stack: ExitStack, a: str = "", more: str = "") -> None:
        self.peers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        for peer in self.peers:
            peer.setblocking(False)
        ports = [peer.getsockname()[1] for peer in self.peers]
        self.bench = Bench(TEXT.format(a=a, more=more), folder, A=ports[0], B=ports[1])
        upstream = self.bench.configuration.stream.upstreams["u"]
        object.__setattr__(upstream, "health", dataclasses.replace(check))
        stack.enter_context(self.bench)
        zone = self.bench.birth.zones.health
        assert zone is not None
        self.zone: HealthZone = zone
        self.records = [zone.record("u", f"127.0.0.1:{port}") for port in ports]
        self.balancer: Balancer = self.bench.worker.balancers["u"]

    def picked(self, count: int = 4) -> str:
        """Whom so many sessions would be given to."""
        states = [self.balancer.pick() for _ in range(count)]
        return "".join("-" if state is None else "ab"[state.index] for state in states)

    def seen(self) -> None:
        """Wait until the worker has looked at the zone."""
        watch = self.bench.worker.health
        self.bench.until(lambda: watch._version == self.zone.version, "the worker has looked")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_sick_peer_gets_no_sessions(tmp_path: Path, stack: ExitStack) -> None:
    pair = Pair(tmp_path, HealthCheck(), stack)
    assert sorted(pair.picked()) == ["a", "a", "b", "b"]
    pair.zone.set(pair.records[0], ill=True)
    assert pair.picked() == "bbbb"
    pair.zone.set(pair.records[0], ill=False)
    assert sorted(pair.picked()) == ["a", "a", "b", "b"]


def test_without_a_healthy_peer_there_is_none(tmp_path: Path, stack: ExitStack) -> None:
    pair = Pair(tmp_path, HealthCheck(), stack)
    for record in pair.records:
        pair.zone.set(record, ill=True)
    assert pair.bench.ended(pair.bench.client())
    assert pair.bench.refused("no_peer") == 1


def test_a_peer_that_is_alone_may_be_sick_too(tmp_path: Path) -> None:
    text = "upstream u { server 127.0.0.1:9; health_check; } server { listen 127.0.0.1:%%PORT_a%%; proxy_pass u; }"
    with Bench(text, tmp_path) as bench:
        zone = bench.birth.zones.health
        assert zone is not None
        zone.set(zone.record("u", "127.0.0.1:9"), ill=True)
        assert bench.worker.balancers["u"].pick() is None


def test_failures_of_sessions_make_a_peer_sick_for_all(tmp_path: Path, stack: ExitStack) -> None:
    pair = Pair(tmp_path, HealthCheck(failures=2), stack, a="max_fails=0", more="proxy_next_upstream off;")
    pair.peers[0].close()
    for _ in range(4):
        pair.bench.client()
        pair.bench.idle()
    pair.bench.until(lambda: pair.zone.ill(pair.records[0]), "the peer is sick")
    assert pair.bench.line('upstream "u" is unhealthy: 2 sessions in a row failed (refused); it gets no more')


def test_sessions_with_a_sick_peer_are_dropped(tmp_path: Path, stack: ExitStack) -> None:
    pair = Pair(tmp_path, HealthCheck(), stack)
    clients = [pair.bench.client() for _ in range(2)]
    sessions = pair.bench.relaying(2)
    by_peer = {session.peer.index: session for session in sessions if session.peer is not None}
    pair.zone.set(pair.records[0], ill=True)
    pair.bench.until(lambda: by_peer[0].status == 502, "the session is over")
    assert by_peer[1].status == 0
    assert pair.bench.line("upstream server is unhealthy, dropping session")
    assert len(clients) == 2


def test_too_little_weight_in_service_closes_the_upstream(tmp_path: Path, stack: ExitStack) -> None:
    pair = Pair(tmp_path, HealthCheck(threshold=50.0), stack)
    pair.zone.set(pair.records[0], ill=True)
    pair.seen()
    assert pair.picked() == "----"
    pair.zone.set(pair.records[0], ill=False)
    pair.seen()
    assert "-" not in pair.picked()


def test_a_peer_that_comes_back_begins_slowly(tmp_path: Path, stack: ExitStack) -> None:
    pair = Pair(tmp_path, HealthCheck(), stack, a="slow_start=1h")
    pair.zone.set(pair.records[0], ill=True)
    pair.seen()
    pair.zone.set(pair.records[0], ill=False)
    pair.seen()
    assert pair.picked(8).count("a") <= 1


def test_a_success_forgets_failures(tmp_path: Path, stack: ExitStack) -> None:
    pair = Pair(tmp_path, HealthCheck(failures=2), stack)
    state = pair.balancer.states[0]
    assert state.health is not None
    state.health.failed("a", "refused")
    state.health.succeeded()
    state.health.failed("a", "refused")
    assert not pair.zone.ill(pair.records[0])
    state.health.failed("a", "timeout")
    state.health.failed("a", "error")
    assert pair.zone.ill(pair.records[0])


def test_resets_count_although_the_peer_was_reached_before_each(tmp_path: Path, stack: ExitStack) -> None:
    pair = Pair(tmp_path, HealthCheck(failures=2), stack, a="backup")
    assert not broken(pair, by_peer=True)
    assert not broken(pair, by_peer=False)  # one that lasts begins the count anew
    assert not broken(pair, by_peer=True)
    assert broken(pair, by_peer=True)


def broken(pair: Pair, *, by_peer: bool) -> bool:
    """Whether the second peer is sick after one more session, which it resets or its client ends."""
    client = pair.bench.client()
    client.sendall(b"x")
    pair.bench.relaying()
    peer = pair.bench.accepted(pair.peers[1])
    if by_peer:
        reset(peer)
    else:
        client.close()
    pair.bench.until(lambda: not pair.bench.worker.sessions, "the session is over")
    peer.close()
    client.close()
    return pair.zone.ill(pair.records[1])


def test_a_reset_within_the_first_second_counts_as_a_failure(tmp_path: Path, stack: ExitStack) -> None:
    pair = Pair(tmp_path, HealthCheck(failures=1), stack, a="backup")
    pair.bench.client().sendall(b"x")
    pair.bench.relaying()
    reset(pair.bench.accepted(pair.peers[1]))
    pair.bench.until(lambda: pair.zone.ill(pair.records[1]), "the peer is sick")
    assert pair.bench.line("1 session failed (reset)")
