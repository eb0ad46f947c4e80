"""Peers that are out of service: what checks find, what failed sessions show, and who is met in the meantime."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import peers
import pytest
from certs import Authority
from clients import careless, connect_tls, echoed, ended_without_a_byte
from deadline import wait_for
from gate import Gate
from peers import CHUNK, Full, Peer
from ports import free_port
from published import Published
from record_making import put, puts, route, service, target, upstream
from routed import LOG, visit

CONFIG: Final = (
    """
worker_processes 2;
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
"""
    + LOG
)


class Moody:
    """A peer that says who it is, and to a check what it was told to say, and leaves if that was no good news."""

    def __init__(self, name: str, answer: bytes = b"+PONG\r\n") -> None:
        self.name = name
        self.answer = answer

    def __call__(self, connection: socket.socket) -> None:
        while data := connection.recv(CHUNK):
            asked = data.startswith(b"PING")
            connection.sendall(self.answer if asked else self.name.encode())
            if asked and self.answer.startswith(b"-"):
                return


CHECKS: Final = {
    "send-and-expect": 'send="PING\\r\\n" expect=+PONG',
    "send-and-a-pattern": 'send="PING\\r\\n" "expect=~^\\+P[A-Z]NG"',
    "tls-and-expect": 'tls sni=check.test send="PING\\r\\n" expect=+PONG',
}
WITHIN: Final = "interval=50ms timeout=5s rise=1 fall=1"


class Checked:
    """A gateway with two peers, one of which can be made ill."""

    def __init__(self, folder: Path, authority: Authority, kind: str, stack: ExitStack) -> None:
        self.tls = authority.server("peer.test") if kind.startswith("tls") else None
        self.moody = Moody("B")
        self.good = stack.enter_context(Peer(Moody("A"), tls=self.tls))
        self.other = stack.enter_context(Peer(self.moody, tls=self.tls))
        text = f"""
            upstream checked {{ server {self.good} max_fails=0; server {self.other} max_fails=0;
                                health_check {WITHIN} {CHECKS[kind]}; }}
            service checked {{ host checked; retries 0; protocol {"tls" if self.tls else "tcp"}; }}
            route checked {{ protocols tls; snis checked.test; service checked; }}
        """
        pair = authority.issue("gate.test")
        self.gate = stack.enter_context(Gate(folder, CONFIG + text + "}\n", CRT=pair.crt, KEY=pair.key))

    def met(self, times: int = 12) -> set[str]:
        """Who answers."""
        found = set()
        for _ in range(times):
            with connect_tls(self.gate.port("one"), careless(), "checked.test") as client:
                client.sendall(b"who")
                found.add(client.recv(1).decode())
        return found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("kind", ["send-and-expect", "send-and-a-pattern", "tls-and-expect"])
def test_an_answer_that_is_not_expected_takes_a_peer_out_and_back(
    tmp_path: Path, authority: Authority, stack: ExitStack, kind: str
) -> None:
    checked = Checked(tmp_path, authority, kind, stack)
    assert checked.met() == {"A", "B"}
    checked.moody.answer = b"-ERR loading\r\n"
    checked.gate.wait_metric("penstock_upstream_peer_up", 0, upstream="checked", peer=str(checked.other))
    assert checked.gate.metric("penstock_upstream_peer_up", upstream="checked", peer=str(checked.good)) == 1
    assert checked.met() == {"A"}
    checked.moody.answer = b"+PONG\r\n"
    checked.gate.wait_metric("penstock_upstream_peer_up", 1, upstream="checked", peer=str(checked.other))
    assert checked.met() == {"A", "B"}
    assert checked.gate.errors().count(f"health check of {checked.other}") == 2  # once for each change


def test_a_peer_that_speaks_no_tls_fails_a_check_with_tls(
    tmp_path: Path, authority: Authority, stack: ExitStack
) -> None:
    pair = authority.issue("gate.test")
    plain = stack.enter_context(Peer(peers.tells_first_bytes))
    sealed = stack.enter_context(Peer(Moody("A"), tls=authority.server("peer.test")))
    text = f"""
        upstream checked {{ server {plain}; server {sealed}; health_check {WITHIN} tls; }}
        service checked {{ host checked; protocol tls; retries 0; }}
        route checked {{ protocols tls; snis checked.test; service checked; }}
    """
    gate = stack.enter_context(Gate(tmp_path, CONFIG + text + "}\n", CRT=pair.crt, KEY=pair.key))
    gate.wait_metric("penstock_upstream_peer_up", 0, upstream="checked", peer=str(plain))
    gate.wait_metric("penstock_upstream_peer_up", 1, upstream="checked", peer=str(sealed))
    for _ in range(8):
        with connect_tls(gate.port("one"), careless(), "checked.test") as client:
            assert echoed(client, b"w") == b"A"


def test_another_port_may_speak_for_a_peer(tmp_path: Path, authority: Authority, stack: ExitStack) -> None:
    pair, port = authority.issue("gate.test"), free_port()
    serving = stack.enter_context(Peer(Moody("A")))
    text = f"""
        upstream checked {{ server {serving}; health_check {WITHIN} port={port}; }}
        service checked {{ host checked; proxy_session_drop on; }}
        route checked {{ protocols tls; snis checked.test; service checked; }}
    """
    with Peer(peers.echo, port=port) as speaking:
        gate = stack.enter_context(Gate(tmp_path, CONFIG + text + "}\n", CRT=pair.crt, KEY=pair.key))
        speaking.wait_accepted(2)
        client = stack.enter_context(connect_tls(gate.port("one"), careless(), "checked.test"))
        assert echoed(client, b"w") == b"A"
    gate.wait_metric("penstock_upstream_peer_up", 0, upstream="checked", peer=str(serving))
    assert ended_without_a_byte(client)  # proxy_session_drop
    with visit(gate) as another:
        assert another.tls("checked.test", data=b"w") == b""
        told = another.told()
    assert (told.refusal, told.status) == ("no_peer", "502")


def test_sessions_find_out_what_a_check_of_the_port_does_not(
    tmp_path: Path, authority: Authority, stack: ExitStack
) -> None:
    """The peer takes connections, so a check is content, and speaks no TLS, so sessions are not."""
    pair = authority.issue("gate.test")
    plain = stack.enter_context(Peer(peers.tells_first_bytes))
    sealed = stack.enter_context(Peer(Moody("A"), tls=authority.server("peer.test")))
    text = f"""
        upstream checked {{ server {plain} max_fails=0; server {sealed} max_fails=0;
                            health_check interval=20ms timeout=5s rise=20 session_failures=2; }}
        service checked {{ host checked; protocol tls; retries 0; }}
        route checked {{ protocols tls; snis checked.test; service checked; }}
    """
    gate = stack.enter_context(Gate(tmp_path, CONFIG + text + "}\n", CRT=pair.crt, KEY=pair.key))
    plain.wait_accepted(25)  # it has been well for longer than would bring it back
    found: list[str] = []
    for _ in range(40):
        with visit(gate) as client:
            first = client.tls("checked.test", data=b"w")
            found.append(first.decode() or client.told().refusal)
        if found.count("upstream_tls") == 2:
            break
    assert found.count("upstream_tls") == 2
    assert set(found) <= {"A", "upstream_tls"}
    gate.logged(f'peer {plain} in upstream "checked" is unhealthy: 2 sessions in a row failed')
    gate.logged(f'health check of {plain} in upstream "checked" succeeded 20 times in a row; it gets sessions again')


@pytest.mark.parametrize(("threshold", "served"), [(49, True), (50, False)])
def test_the_threshold_of_the_file(
    tmp_path: Path, authority: Authority, stack: ExitStack, threshold: int, served: bool
) -> None:
    pair, dead = authority.issue("gate.test"), f"127.0.0.1:{free_port()}"
    good = stack.enter_context(Peer(Moody("A")))
    text = f"""
        upstream checked {{ server {dead}; server {good}; health_check {WITHIN} threshold={threshold}; }}
        service checked {{ host checked; }}
        route checked {{ protocols tls; snis checked.test; service checked; }}
    """
    gate = stack.enter_context(Gate(tmp_path, CONFIG + text + "}\n", CRT=pair.crt, KEY=pair.key))
    gate.wait_metric("penstock_upstream_peer_up", 0, upstream="checked", peer=dead)

    def outcomes_of(times: int) -> set[str]:
        found = set()
        for _ in range(times):
            with visit(gate) as client:
                first = client.tls("checked.test", data=b"w")
                found.add(first.decode() or client.told().refusal)
        return found

    wait_for(lambda: outcomes_of(8) == ({"A"} if served else {"no_peer"}), "both workers have seen it")


# -- out of records


def balanced(*addresses: str, retries: int = 0, **healthchecks: Any) -> list[tuple[str, Any]]:
    """An upstream with these targets, and a route to it for plain traffic."""
    return [
        ("upstreams", upstream("pool", healthchecks=healthchecks)),
        *[("targets", target("pool", address)) for address in addresses],
        ("services", service("pool", "pool", retries=retries, connect_timeout=200)),
        ("routes", route("pool", "pool", "tcp", destinations=["127.0.0.1"])),
    ]


def passive(failures: int = 0, timeouts: int = 0) -> dict[str, Any]:
    """Passive checks in Kong's shape."""
    return {"unhealthy": {"tcp_failures": failures, "timeouts": timeouts}}


@pytest.fixture
def gate(tmp_path: Path, authority: Authority) -> Iterator[Published]:
    pair = authority.issue("gate.test")
    with Published(tmp_path, CONFIG + "}\n", CRT=pair.crt, KEY=pair.key) as running:
        yield running


def outcomes(gate: Gate, times: int) -> list[str]:
    """What sessions get: the peer's letter, or the word of the refusal."""
    found = []
    for _ in range(times):
        with visit(gate) as client:
            first = client.plain()
            found.append(first.decode() or client.told().refusal)
    return found


@pytest.mark.parametrize("failures", [1, 3])
def test_failed_sessions_take_a_peer_out_for_all_workers_also_without_retries(
    gate: Published, stack: ExitStack, failures: int
) -> None:
    good = stack.enter_context(Peer(peers.says("A")))
    dead = f"127.0.0.1:{free_port()}"
    gate.publish(*puts(*balanced(dead, str(good), passive=passive(failures))))
    found = outcomes(gate, 40)
    assert found.count("upstream_failed") == failures
    assert set(found) == {"A", "upstream_failed"}
    assert gate.metric("penstock_upstream_peer_up", upstream="pool", peer=dead) == 0
    gate.logged(f'peer {dead} in upstream "pool" is unhealthy')


def test_without_checks_a_peer_of_a_record_is_tried_forever(gate: Published, stack: ExitStack) -> None:
    good = stack.enter_context(Peer(peers.says("A")))
    gate.publish(*puts(*balanced(f"127.0.0.1:{free_port()}", str(good))))
    assert 15 <= outcomes(gate, 40).count("upstream_failed") <= 25


def test_a_retry_hides_what_the_check_counts(gate: Published, stack: ExitStack) -> None:
    good = stack.enter_context(Peer(peers.says("A")))
    dead = f"127.0.0.1:{free_port()}"
    gate.publish(*puts(*balanced(dead, str(good), retries=5, passive=passive(2))))
    assert set(outcomes(gate, 20)) == {"A"}
    assert gate.metric("penstock_upstream_peer_up", upstream="pool", peer=dead) == 0


def test_a_peer_that_does_not_answer_is_counted_by_its_timeouts(gate: Published, stack: ExitStack) -> None:
    good = stack.enter_context(Peer(peers.says("A")))
    full = Full()
    stack.callback(full.close)
    gate.publish(*puts(*balanced(str(full), str(good), passive=passive(timeouts=2))))
    assert outcomes(gate, 16).count("upstream_failed") == 2


def test_a_peer_that_resets_at_once_is_as_one_that_refuses(gate: Published, stack: ExitStack) -> None:
    good = stack.enter_context(Peer(peers.says("A")))
    resetting = stack.enter_context(Peer(peers.resets))
    gate.publish(*puts(*balanced(str(resetting), str(good), passive=passive(2))))
    found = outcomes(gate, 30)
    assert found.count("") == 2  # no refusal: the session stood
    assert set(found[8:]) == {"A"}


@pytest.mark.parametrize(("threshold", "served"), [(0, True), (40, True), (50, False), (60, False)])
def test_with_no_more_than_the_threshold_nobody_is_served(
    gate: Published, stack: ExitStack, threshold: int, served: bool
) -> None:
    good = stack.enter_context(Peer(peers.says("A")))
    dead = f"127.0.0.1:{free_port()}"
    checks = {"passive": passive(1), "threshold": threshold}
    gate.publish(*puts(*balanced(dead, str(good), retries=1, **checks)))
    outcomes(gate, 4)
    gate.wait_metric("penstock_upstream_peer_up", 0, upstream="pool", peer=dead)
    expected = ["A"] * 8 if served else ["no_peer"] * 8
    wait_for(lambda: outcomes(gate, 8) == expected, "both workers have seen it")


def test_a_check_of_a_record_takes_a_peer_out_and_back(gate: Published, stack: ExitStack) -> None:
    good, port = stack.enter_context(Peer(peers.says("A"))), free_port()
    active = {
        "type": "tcp",
        "timeout": 5,
        "healthy": {"interval": 0.05, "successes": 1},
        "unhealthy": {"interval": 0.05, "tcp_failures": 1},
    }
    gate.publish(*puts(*balanced(str(good), f"127.0.0.1:{port}", active=active)))
    gate.wait_metric("penstock_upstream_peer_up", 0, upstream="pool", peer=f"127.0.0.1:{port}")
    assert set(outcomes(gate, 10)) == {"A"}
    with Peer(peers.says("B"), port=port):
        gate.wait_metric("penstock_upstream_peer_up", 1, upstream="pool", peer=f"127.0.0.1:{port}")
        assert set(outcomes(gate, 20)) == {"A", "B"}


def test_checks_that_are_switched_off_let_a_peer_back_in(gate: Published, stack: ExitStack) -> None:
    good, port = stack.enter_context(Peer(peers.says("A"))), free_port()
    gate.publish(*puts(*balanced(str(good), f"127.0.0.1:{port}", passive=passive(1))))
    outcomes(gate, 8)
    stack.enter_context(Peer(peers.says("B"), port=port))
    assert set(outcomes(gate, 10)) == {"A"}
    gate.publish(put("upstreams", upstream("pool")))
    assert set(outcomes(gate, 20)) == {"A", "B"}
