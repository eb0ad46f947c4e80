"""Reaching the upstream: peers in turn, what can go wrong with each, and what is said first."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import reset
from deadline import seconds
from descriptors import RUNNING, descriptors_up_to, numbers_below_taken
from peers import Full
from ports import free_port, release
from workerbench import Bench

from penstock.shared.proxy_protocol import parse

SERVER = "server {{ listen 127.0.0.1:%%PORT_a%%; proxy_pass up; {} }}"


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield sock


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that refuses."""
    port = free_port()
    yield port
    release(port)


@pytest.fixture
def full() -> Iterator[Full]:
    """A port that does not answer."""
    silent = Full()
    yield silent
    silent.close()


def bench(tmp_path: Path, peers: str, settings: str = "") -> Bench:
    """A server in front of an upstream with these peers."""
    return Bench(f"upstream up {{ {peers} }} {SERVER.format(settings)}", tmp_path)


def address(sock: socket.socket) -> str:
    return f"127.0.0.1:{sock.getsockname()[1]}"


def test_the_upstream_is_reached(tmp_path: Path, listening: socket.socket) -> None:
    with bench(tmp_path, f"server {address(listening)};") as running:
        session, _, far = running.relay(listening)
        (attempt,) = session.tries
        assert attempt.address == address(listening)
        assert attempt.connect_time is not None
        assert far.getsockname() == listening.getsockname()
        assert running.connects("ok") == 1
        assert running.line(f"connected to {address(listening)}")


def test_what_the_client_said_meanwhile_arrives(tmp_path: Path, listening: socket.socket) -> None:
    with bench(tmp_path, f"server {address(listening)};") as running:
        client = running.client()
        client.send(b"early")
        assert running.hear(running.accepted(listening), 5) == b"early"


def test_what_the_upstream_says_first_arrives(tmp_path: Path, listening: socket.socket) -> None:
    with bench(tmp_path, f"server {address(listening)};") as running:
        client = running.client()
        running.until(lambda: running.worker.sessions)
        far = running.accepted(listening)
        far.send(b"hello")
        assert running.hear(client, 5) == b"hello"


def test_what_came_with_the_news_of_the_connection_arrives(tmp_path: Path, full: Full) -> None:
    """One edge tells of both, and is not repeated. A queue that was full makes the moment: its client tries again."""
    with bench(tmp_path, f"server {full};") as running:
        client = running.client()
        session = running.session()
        running.until(lambda: session.upstream_sock is not None)
        full.listener.settimeout(seconds(10))
        ours = {filler.getsockname() for filler in full.fillers}
        far, name = full.listener.accept()
        while name in ours:
            far.close()
            far, name = full.listener.accept()
        running.keep(far).send(b"220 hello")
        assert running.hear(client, 9) == b"220 hello"


def test_a_client_that_left_while_connecting_is_noticed(tmp_path: Path, listening: socket.socket) -> None:
    with bench(tmp_path, f"server {address(listening)};") as running:
        running.client().close()
        assert running.ended(running.accepted(listening))
        running.idle()
        assert running.status(200) == 1


def test_a_peer_that_refuses_is_passed_over(tmp_path: Path, listening: socket.socket, closed: int) -> None:
    peers = f"server 127.0.0.1:{closed}; server {address(listening)};"
    with bench(tmp_path, peers) as running:
        session, _, _ = running.relay(listening)
        assert [attempt.outcome for attempt in session.tries] == ["refused", ""]
        assert running.line("connect() failed (111: Connection refused) while connecting to upstream")
        assert running.line("upstream server temporarily disabled while connecting to upstream")
        assert (running.connects("refused"), running.connects("ok")) == (1, 1)


def test_a_lonely_peer_that_refuses_ends_the_session(tmp_path: Path, closed: int) -> None:
    with bench(tmp_path, f"server 127.0.0.1:{closed};") as running:
        assert running.ended(running.client())
        assert running.status(502) == 1
        assert running.refused("upstream_failed") == 1
        assert not running.lines("temporarily disabled")


@pytest.mark.parametrize(
    ("settings", "tries"), [("", 3), ("proxy_next_upstream_tries 2;", 2), ("proxy_next_upstream off;", 1)]
)
def test_so_many_peers_are_tried(tmp_path: Path, closed: int, settings: str, tries: int) -> None:
    peers = "".join(f"server 127.0.0.{last}:{closed};" for last in (1, 2, 3))
    with bench(tmp_path, peers, settings) as running:
        assert running.ended(running.client())
        assert running.connects("refused") == tries


def test_when_no_peer_is_live_nothing_is_tried(tmp_path: Path, closed: int) -> None:
    peers = f"server 127.0.0.1:{closed}; server 127.0.0.2:{closed};"
    with bench(tmp_path, peers) as running:
        assert running.ended(running.client())
        assert running.ended(running.client())
        assert running.line("no live upstreams while connecting to upstream")
        assert running.refused("no_peer") == 1
        assert running.connects("refused") == 2
        assert running.status(502) == 2


def test_a_peer_that_does_not_answer_is_given_up(tmp_path: Path, listening: socket.socket, full: Full) -> None:
    peers = f"server {full}; server {address(listening)};"
    with bench(tmp_path, peers, "proxy_connect_timeout 100ms;") as running:
        session, _, _ = running.relay(listening)
        assert session.tries[0].outcome == "timeout"
        assert running.line("upstream timed out (110: Connection timed out) while connecting to upstream")


def test_trying_ends_with_its_time(tmp_path: Path, full: Full) -> None:
    peers = "".join(f"server {full} weight={weight};" for weight in (3, 2, 1))
    with bench(tmp_path, peers, "proxy_connect_timeout 100ms; proxy_next_upstream_timeout 50ms;") as running:
        assert running.ended(running.client())
        assert running.connects("timeout") == 1


def test_stopping_while_connecting_lets_go_of_everything(tmp_path: Path, full: Full) -> None:
    with bench(tmp_path, f"server {full};") as running:
        before = running.watched()
        client = running.client()
        session = running.session()
        running.until(lambda: session.upstream_sock is not None)
        running.worker.abort()
        assert running.ended(client)
        assert running.watched() == before
        assert running.event("sessions_aborted") == 1


def test_a_unix_socket_is_reached(tmp_path: Path) -> None:
    path = str(tmp_path / "up.sock")
    with bench(tmp_path, f"server unix:{path};", "proxy_protocol on;") as running:
        listening = running.upstream(path)
        session, client, far = running.relay(listening)
        assert running.hear(far, 6) == b"PROXY "
        far.send(b"hello")
        assert running.hear(client, 5) == b"hello"
        assert session.tries[0].address == f"unix:{path}"


@pytest.mark.parametrize("kind", ["missing", "busy", "refusing"])
def test_a_unix_socket_that_takes_nobody_is_passed_over(tmp_path: Path, listening: socket.socket, kind: str) -> None:
    path = str(tmp_path / "up.sock")
    with bench(tmp_path, f"server unix:{path}; server {address(listening)};") as running:
        if kind == "busy":
            running.upstream(path, backlog=0)
            running.unix_client(path)
        elif kind == "refusing":
            running.upstream(path).close()
        session, _, _ = running.relay(listening)
        assert len(session.tries) == 2


def test_a_failure_at_once_is_passed_over_also_beyond_the_table_of_handlers(
    tmp_path: Path, listening: socket.socket
) -> None:
    peers = f"server unix:{tmp_path}/missing.sock; server {address(listening)};"
    with bench(tmp_path, peers) as running, numbers_below_taken(1500):
        client = running.client()
        far = running.accepted(listening)
        client.send(b"here")
        assert running.hear(far, 4) == b"here"


def test_a_path_that_is_no_address_is_a_failed_try(tmp_path: Path) -> None:
    text = f"server {{ listen 127.0.0.1:%%PORT_a%%; set $far {'x' * 200}; proxy_pass unix:/$far; }}"
    with Bench(text, tmp_path) as running:
        assert running.ended(running.client())
        assert running.status(502) == 1


def test_without_descriptors_the_try_fails(tmp_path: Path, listening: socket.socket) -> None:
    with bench(tmp_path, f"server {address(listening)};") as running:
        client = running.client()
        with descriptors_up_to(RUNNING + 1):
            assert running.ended(client)
        assert running.line("socket() failed (24: Too many open files) while connecting to upstream")
        assert running.status(502) == 1


@pytest.mark.parametrize("version", ["on", "v2"])
def test_a_proxy_header_is_said_first(tmp_path: Path, listening: socket.socket, version: str) -> None:
    with bench(tmp_path, f"server {address(listening)};", f"proxy_protocol {version};") as running:
        session, client, far = running.relay(listening)
        client.send(b"|and this")
        data = running.tried(far.recv, 4096)
        header = parse(data).header
        assert header is not None
        assert header.version == (1 if version == "on" else 2)
        assert (header.source_addr, header.source_port) == client.getsockname()
        assert (header.destination_addr, header.destination_port) == client.getpeername()
        rest = data[header.length :]
        assert rest + running.hear(far, 9 - len(rest)) == b"|and this"
        client.close()
        running.idle()
        assert session.tries[0].sent == header.length + 9


def test_a_bind_address_is_used(tmp_path: Path, listening: socket.socket) -> None:
    with bench(tmp_path, f"server {address(listening)};", "proxy_bind 127.0.0.7;") as running:
        _, _, far = running.relay(listening)
        assert far.getpeername()[0] == "127.0.0.7"


def test_a_bind_address_that_is_not_ours_ends_the_session(tmp_path: Path, listening: socket.socket) -> None:
    with bench(tmp_path, f"server {address(listening)};", "proxy_bind 192.0.2.1;") as running:
        assert running.ended(running.client())
        assert "[crit]" in running.line(
            "bind(192.0.2.1) failed (99: Cannot assign requested address) while connecting to"
        )
        assert running.status(500) == 1


def test_a_bind_address_that_is_none_is_not_used(tmp_path: Path, listening: socket.socket) -> None:
    with bench(tmp_path, f"server {address(listening)};", "proxy_bind $protocol;") as running:
        running.relay(listening)
        assert running.line('invalid local address "TCP"')


def test_a_peer_is_let_go_with_its_session(tmp_path: Path, listening: socket.socket, closed: int) -> None:
    peers = f"server {address(listening)} max_conns=1; server 127.0.0.1:{closed} backup;"
    with bench(tmp_path, peers) as running:
        for _ in range(3):
            _, client, _ = running.relay(listening)
            client.close()
            running.idle()
        assert [state.conns for state in running.worker.balancers["up"].states] == [0, 0]


def test_an_upstream_that_resets_at_once_is_an_end_like_any_other(tmp_path: Path, listening: socket.socket) -> None:
    with bench(tmp_path, f"server {address(listening)};", "proxy_protocol on;") as running:
        for _ in range(10):
            client = running.client()
            running.until(lambda: running.worker.sessions)
            reset(running.tried(listening.accept)[0])
            assert running.ended(client)
        running.idle()
