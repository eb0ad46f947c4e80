"""The clear beginning of a session, in one worker."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import client_hello
from workerbench import Bench

from penstock.shared.starttls.postgres import HEAD, SSL_REQUEST

TEXT = """
stream_listen 127.0.0.1:%%PORT_a%% starttls=postgres;
preread_timeout 300ms;
service s { url tcp://127.0.0.1:%%UP%%; retries 0; connect_timeout 300ms; }
route through { protocols tls_passthrough; snis through.test; service s; }
route plain   { protocols tcp; destinations :%%PORT_a%%; service s; }
"""
STARTUP = HEAD.pack(9, 0x30000) + b"\0"


class Bed:
    """A worker and the upstream of its service."""

    def __init__(self, bench: Bench, listening: socket.socket) -> None:
        self.bench = bench
        self.listening = listening

    def got(self, sock: socket.socket, count: int) -> bytes:
        """So many bytes of a socket, the worker running meanwhile."""
        data = bytearray()

        def arrived() -> bool:
            try:
                data.extend(sock.recv(count - len(data)))
            except BlockingIOError:
                return False
            return len(data) >= count

        self.bench.until(arrived, f"{count} bytes")
        return bytes(data)


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        with Bench(TEXT, tmp_path, UP=listening.getsockname()[1]) as bench:
            yield Bed(bench, listening)


def test_the_client_s_hello_follows_the_same_request_to_the_upstream(bed: Bed) -> None:
    client = bed.bench.client()
    client.sendall(SSL_REQUEST)
    assert bed.got(client, 1) == b"S"
    hello = client_hello("through.test")
    client.sendall(hello)
    far = bed.bench.accepted(bed.listening)
    assert bed.got(far, 8) == SSL_REQUEST
    far.sendall(b"S")
    assert bed.got(far, len(hello)) == hello
    far.sendall(b"answer")
    assert bed.got(client, 6) == b"answer"


def test_direct_tls_reaches_the_upstream_as_it_is(bed: Bed) -> None:
    client = bed.bench.client()
    hello = client_hello("through.test")
    client.sendall(hello)
    far = bed.bench.accepted(bed.listening)
    assert bed.got(far, len(hello)) == hello


def test_a_startup_message_in_clear_reaches_the_upstream_as_it_is(bed: Bed) -> None:
    client = bed.bench.client()
    client.sendall(STARTUP)
    far = bed.bench.accepted(bed.listening)
    assert bed.got(far, len(STARTUP)) == STARTUP


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_request_may_come_in_pieces(bed: Bed, cut: int) -> None:
    client = bed.bench.client()
    client.sendall(SSL_REQUEST[:cut])
    bed.bench.idle()
    client.sendall(SSL_REQUEST[cut:])
    assert bed.got(client, 1) == b"S"


def test_a_client_that_says_nothing_is_let_go(bed: Bed) -> None:
    assert bed.bench.ended(bed.bench.client())
    assert bed.bench.refused("sniff_timeout") == 1


def test_a_client_that_leaves_is_no_mistake(bed: Bed) -> None:
    bed.bench.client().close()
    bed.bench.until(lambda: bed.bench.status(200) == 1, "the session is over")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"N", "the upstream does not offer TLS while starting postgres with upstream"),
        (b"", "the upstream closed the connection while starting postgres with upstream"),
        (None, "upstream timed out (110: Connection timed out) while starting TLS with upstream"),
    ],
)
def test_an_upstream_that_does_not_go_along(bed: Bed, answer: bytes | None, text: str) -> None:
    client = bed.bench.client()
    client.sendall(SSL_REQUEST)
    assert bed.got(client, 1) == b"S"
    client.sendall(client_hello("through.test"))
    far = bed.bench.accepted(bed.listening)
    assert bed.got(far, 8) == SSL_REQUEST
    if answer is not None:
        far.sendall(answer)
        far.shutdown(socket.SHUT_WR)
    assert bed.bench.ended(client)
    assert bed.bench.line(text)
