"""Accepting: who came, how many at once, and what to do when the system has no more."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from clients import connect_unix, reset
from descriptors import RUNNING, descriptors_up_to
from workerbench import Bench

from penstock.worker.listener import ACCEPTS
from penstock.worker.session import Session

SAYS = 'server { listen 127.0.0.1:%%PORT_a%%; return "$remote_addr|$remote_port|$connection|$server_port"; }'
HOLDS = "server { listen 127.0.0.1:%%PORT_a%% proxy_protocol; return in; }"
"""Sessions that wait for a header."""


def test_who_came_is_known(tmp_path: Path) -> None:
    with Bench(SAYS, tmp_path) as bench:
        client = bench.client(source="127.0.0.5")
        port = client.getsockname()[1]
        assert bench.hear_all(client).decode() == f"127.0.0.5|{port}|1|{bench.port('a')}"


def test_sessions_are_numbered_from_one(tmp_path: Path) -> None:
    with Bench(SAYS, tmp_path) as bench:
        numbers = [bench.hear_all(bench.client()).split(b"|")[2] for _ in range(3)]
        assert numbers == [b"1", b"2", b"3"]


def test_the_numbers_of_several_workers_do_not_meet(tmp_path: Path) -> None:
    with Bench(SAYS, tmp_path, main="worker_processes 3;") as bench:
        numbers = [bench.hear_all(bench.client()).split(b"|")[2] for _ in range(3)]
        assert numbers == [b"1", b"4", b"7"]


def test_a_wildcard_listener_knows_the_address_that_was_reached(tmp_path: Path) -> None:
    text = 'server { listen 0.0.0.0:%%PORT_a%%; return "$server_addr"; }'
    with Bench(text, tmp_path) as bench:
        assert bench.hear_all(bench.client(host="127.0.0.9")) == b"127.0.0.9"


def test_a_client_of_both_families_is_shown_by_its_own(tmp_path: Path) -> None:
    text = 'server { listen [::]:%%PORT_a%% ipv6only=off; return "$remote_addr|$server_addr"; }'
    with Bench(text, tmp_path) as bench:
        assert bench.hear_all(bench.client()) == b"127.0.0.1|127.0.0.1"
        assert bench.hear_all(bench.client(host="::1")) == b"::1|::1"


def test_a_client_of_a_unix_socket_has_no_address(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    text = f'server {{ listen unix:{path}; return "$remote_addr|$remote_port|$server_addr"; }}'
    with Bench(text, tmp_path) as bench, connect_unix(str(path)) as client:
        client.setblocking(False)
        assert bench.hear_all(client) == f"unix:||unix:{path}".encode()


@pytest.mark.parametrize("nodelay", ["on", "off"])
def test_small_segments_are_sent_at_once_as_configured(tmp_path: Path, nodelay: str) -> None:
    with Bench(f"tcp_nodelay {nodelay}; {HOLDS}", tmp_path) as bench:
        bench.client()
        sock = bench.session().sock
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == (nodelay == "on")


def test_a_queue_is_taken_in_batches_and_nobody_is_forgotten(tmp_path: Path) -> None:
    with Bench(HOLDS, tmp_path) as bench:
        count = ACCEPTS * 2 + 3
        clients = [bench.client() for _ in range(count)]
        bench.until(lambda: len(bench.worker.sessions) == count)
        assert bench.active() == count
        for client in clients:
            client.close()
        bench.idle()
        assert bench.active() == 0


def test_a_client_that_left_in_the_queue_hurts_nobody(tmp_path: Path) -> None:
    with Bench(SAYS, tmp_path) as bench:
        for _ in range(5):
            reset(bench.client())
        assert bench.hear_all(bench.client()).startswith(b"127.0.0.1|")
        bench.idle()


def test_beyond_the_workers_connections_clients_are_turned_away(tmp_path: Path) -> None:
    with Bench(HOLDS, tmp_path, events="worker_connections 6;") as bench:
        clients = [bench.client() for _ in range(3)]
        bench.until(lambda: len(bench.worker.sessions) == 3)
        assert bench.ended(bench.client())
        assert bench.refused("overload") == 1
        assert bench.line("6 worker_connections are not enough")
        clients[0].close()
        bench.until(lambda: len(bench.worker.sessions) == 2)
        bench.client()
        bench.until(lambda: len(bench.worker.sessions) == 3)
        assert bench.refused("overload") == 1


def test_without_descriptors_accepting_pauses_and_goes_on(tmp_path: Path) -> None:
    with Bench(SAYS, tmp_path) as bench:
        client = bench.client()
        with descriptors_up_to(RUNNING):
            bench.until(lambda: bench.event("accept_failed"))
            for _ in range(5):
                bench.turn()
            assert bench.event("accept_failed") == 1
        assert bench.line("accept4() failed (24: Too many open files)")
        assert bench.hear_all(client).startswith(b"127.0.0.1|")


def test_a_drain_takes_the_queue_and_leaves_the_socket_to_others(tmp_path: Path) -> None:
    with Bench(SAYS, tmp_path) as bench:
        clients = [bench.client() for _ in range(5)]
        bench.worker.drain(None)
        for client in clients:
            assert bench.hear_all(client).startswith(b"127.0.0.1|")
        later = bench.client()  # the master still listens: the next generation will take it
        bench.turn()
        assert bench.some(later.recv, 1) is None


def test_a_drain_during_a_pause_ends_as_any_other(tmp_path: Path) -> None:
    with Bench(SAYS, tmp_path) as bench:
        bench.client()
        with descriptors_up_to(RUNNING):
            bench.until(lambda: bench.event("accept_failed"))
        with descriptors_up_to(0):
            bench.worker.drain(None)
        assert bench.worker.done.done()


def test_a_socket_that_does_not_listen_yet_is_waited_for(tmp_path: Path) -> None:
    with Bench(SAYS, tmp_path) as bench:
        other = socket.socket()
        other.bind(("127.0.0.1", 0))
        bench.keep(other)
        listener = bench.listener()
        late = type(listener)(bench.worker, other.dup(), listener.listen, listener.target)
        late.open()
        for _ in range(3):
            bench.turn()
        other.listen()
        client = socket.create_connection(other.getsockname())
        assert bench.hear_all(bench.keep(client)).startswith(b"127.0.0.1|")
        assert bench.event("accept_failed") == 0
        bench.worker.reactor.unwatch(late.sock.fileno())
        late.sock.close()


def test_a_session_that_is_over_is_forgotten(tmp_path: Path) -> None:
    with Bench(HOLDS, tmp_path) as bench:
        bench.client()
        session: Session = bench.session()
        session.finish(200)
        assert not bench.worker.sessions
        session.finish(500)
        assert (bench.status(200), bench.status(500)) == (1, 0)
