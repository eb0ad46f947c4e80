"""TLS between two buffers, over a real socketpair with Python's own SSLSocket at the other end."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from certs import Authority

from penstock.worker.tls_stream import CIPHERTEXT, SIZE, TlsStream


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Pair:
    """A TlsStream that serves, and a blocking client whose handshake has been done with it."""

    def __init__(self, authority: Authority) -> None:
        ours, theirs = socket.socketpair()
        theirs.settimeout(10)
        context = authority.server("a.test")
        self.stream = TlsStream(ours, context, server=True)
        self.client: ssl.SSLSocket | None = None
        failure: list[BaseException] = []

        def connect() -> None:
            try:
                self.client = authority.client().wrap_socket(theirs, server_hostname="a.test")
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(target=connect)
        thread.start()
        ours.settimeout(10)
        while True:
            try:
                self.stream.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.stream.flush()
                self.stream.incoming.write(ours.recv(SIZE))
        self.stream.flush()
        ours.settimeout(None)
        thread.join(10)
        assert not failure
        self.sock = ours

    def close(self) -> None:
        assert self.client is not None
        self.client.close()
        self.sock.close()


@pytest.fixture
def pair(authority: Authority) -> Iterator[Pair]:
    pair = Pair(authority)
    yield pair
    pair.close()


def test_what_the_client_says_is_received_and_read(pair: Pair) -> None:
    assert pair.client is not None
    pair.client.sendall(b"hello")
    assert pair.stream.receive()
    assert pair.stream.tls.read(100) == b"hello"


@pytest.mark.parametrize("stowed", [False, True])
def test_a_large_read_is_given_to_openssl_in_parts(pair: Pair, stowed: bool) -> None:
    assert pair.client is not None
    stream, data = pair.stream, bytes(range(250)) * 600
    pair.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sending = threading.Thread(target=pair.client.sendall, args=(data,))
    sending.start()
    while len(pair.sock.recv(1 << 20, socket.MSG_PEEK)) <= len(data):
        pass  # a record has more bytes than what it carries
    assert stream.receive(size=len(CIPHERTEXT))
    assert stream.incoming.pending == SIZE
    if stowed:
        stream.stow()
        CIPHERTEXT[:] = bytes(len(CIPHERTEXT))
    got = b""
    while len(got) < len(data):
        try:
            got += stream.tls.read(len(data))
        except ssl.SSLWantReadError:
            assert stream.receive()
    sending.join(10)
    assert got == data
    assert stream.fresh is None


def test_a_short_read_leaves_the_socket_alone_until_its_next_edge(pair: Pair) -> None:
    assert pair.client is not None
    pair.client.sendall(b"one")
    assert pair.stream.receive()
    pair.client.sendall(b"two")
    assert not pair.stream.receive()
    pair.stream.dry = False
    assert pair.stream.receive()


def test_nothing_there_is_no_error(pair: Pair) -> None:
    assert not pair.stream.receive()
    assert pair.stream.dry


def test_the_end_is_received_once(pair: Pair) -> None:
    assert pair.client is not None
    pair.client.shutdown(socket.SHUT_WR)
    assert pair.stream.receive(hangup=True)
    assert pair.stream.ended
    assert not pair.stream.receive(hangup=True)


def test_what_the_socket_does_not_take_is_kept_and_sent_in_order(pair: Pair) -> None:
    assert pair.client is not None
    pair.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    text = bytes(range(256)) * 4096
    pair.stream.tls.write(text)
    assert not pair.stream.flush()
    assert pair.stream.unsent
    pair.client.setblocking(False)
    got = bytearray()
    while len(got) < len(text):
        try:
            got += pair.client.recv(65536)
        except ssl.SSLWantReadError:
            pair.stream.flush()
    assert got == text
    assert pair.stream.flush()


def test_goodbye_is_an_end_and_not_a_cut(pair: Pair) -> None:
    assert pair.client is not None
    assert pair.stream.say_goodbye()
    assert pair.client.recv(10) == b""


def test_goodbye_does_not_break_what_still_comes(pair: Pair) -> None:
    assert pair.client is not None
    pair.client.sendall(b"late")
    assert pair.stream.receive()
    assert pair.stream.say_goodbye()
    assert pair.stream.tls.read(100) == b"late"


def test_goodbye_to_nobody_is_no_error(pair: Pair) -> None:
    pair.sock.close()
    assert not pair.stream.say_goodbye()
