"""One question to a peer."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from certs import Authority
from peers import Peer

from penstock.master.probe import TIMED_OUT, Prober
from penstock.shared.model.address import Address, ipv4, unix
from penstock.shared.model.health import Probe


def ask(probe: Probe, address: Address) -> str:
    return asyncio.run(Prober(probe).ask(address))


def silent(connection: socket.socket) -> None:
    connection.recv(100)


def ponging(connection: socket.socket) -> None:
    if connection.recv(100) == b"PING\r\n":
        connection.sendall(b"+PO")
        connection.sendall(b"NG\r\n")
        connection.recv(100)


def refusing(connection: socket.socket) -> None:
    connection.recv(100)
    connection.sendall(b"no")


def waiting(connection: socket.socket) -> None:
    connection.recv(1)


def test_a_peer_that_accepts_works(tmp_path: Path) -> None:
    with Peer(silent) as peer, Peer(silent, path=str(tmp_path / "s")) as other:
        assert ask(Probe(), ipv4("127.0.0.1", peer.port)) == ""
        assert ask(Probe(), unix(other.address[5:])) == ""


def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        assert ask(Probe(), ipv4("127.0.0.1", sock.getsockname()[1])).startswith("connect() failed (111: ")


def test_another_port_may_be_asked() -> None:
    with Peer(silent) as peer:
        assert ask(Probe(port=peer.port), ipv4("127.0.0.1", 1)) == ""


@pytest.mark.parametrize(
    ("behave", "expect", "problem"),
    [
        (ponging, r"^\+PONG", ""),
        (ponging, "-ERR", TIMED_OUT),
        (silent, "x", "it closed without an answer"),
        (refusing, "yes", "the answer is not the one expected"),
    ],
)
def test_an_answer_may_be_expected(behave: Callable[[socket.socket], None], expect: str, problem: str) -> None:
    with Peer(behave) as peer:
        probe = Probe(timeout=0.3 if problem == TIMED_OUT else 10.0, send=b"PING\r\n", expect=expect)
        assert ask(probe, ipv4("127.0.0.1", peer.port)) == problem


def test_a_peer_that_is_silent_is_given_up() -> None:
    with Peer(waiting) as peer:
        assert ask(Probe(timeout=0.1, expect="x"), ipv4("127.0.0.1", peer.port)) == TIMED_OUT


def test_tls_may_be_part_of_it(authority: Authority) -> None:
    pair = authority.issue("a.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.crt, pair.key)
    heard: list[str | None] = []
    context.sni_callback = lambda _sock, name, _context: heard.append(name)
    with Peer(silent, tls=context) as sealed, Peer(lambda connection: connection.sendall(b"220 hello\r\n")) as plain:
        assert ask(Probe(tls=True, sni="b.test", timeout=10.0), ipv4("127.0.0.1", sealed.port)) == ""
        assert ask(Probe(tls=True, timeout=10.0), ipv4("127.0.0.1", plain.port)).startswith("SSL handshake failed")
    assert heard == ["b.test"]
