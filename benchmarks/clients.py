"""What the load generators do: each function makes a job, one connection's worth of behaviour in an endless loop."""

from __future__ import annotations

import itertools
import socket
import ssl
from collections.abc import Sequence

from benchmarks.crew import Cell, Job
from benchmarks.origin import ANSWER, BLOCK, CHUNK, REQUEST

Address = tuple[str, int]


class WrongAnswer(Exception):
    """The bytes that came are not those that were sent."""


def dial(address: Address) -> socket.socket:
    """A connection with Nagle's algorithm off."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.connect(address)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def visit(address: Address, requests: Sequence[bytes] = (REQUEST,), said: bytes = ANSWER) -> Job:
    """Connect, request, answer, close; a unit is one connection."""

    def job(cell: Cell) -> None:
        for request in itertools.cycle(requests):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                sock.connect(address)
                sock.send(request)
                read_answer(sock, said)
            finally:
                sock.close()
            cell.add()

    return job


def read_answer(sock: socket.socket, said: bytes) -> None:
    """Read up to the end, and compare."""
    got = sock.recv(4096)
    while more := sock.recv(4096):
        got += more
    if got != said:
        raise WrongAnswer(f"{len(got)} bytes: {got[:40]!r}")


def chat(address: Address) -> Job:
    """Small requests on one open session; a unit is one request with its answer."""

    def job(cell: Cell) -> None:
        sock = dial(address)
        buffer = bytearray(4096)
        try:
            while True:
                sock.send(REQUEST)
                if sock.recv_into(buffer) != len(REQUEST):
                    raise WrongAnswer("an echo of another length")
                cell.add()
        finally:
            sock.close()

    return job


def download(address: Address, context: ssl.SSLContext | None = None) -> Job:
    """Read from `source` without end; a unit is a byte."""

    def job(cell: Cell) -> None:
        sock = opened(address, context)
        buffer = bytearray(CHUNK)
        sock.send(REQUEST)
        while count := sock.recv_into(buffer):
            cell.add(count)
        raise WrongAnswer("the stream ended")

    return job


def upload(address: Address, context: ssl.SSLContext | None = None) -> Job:
    """Write to `sink` without end; a unit is a byte."""
    block = memoryview(BLOCK)

    def job(cell: Cell) -> None:
        sock = opened(address, context)
        while True:
            for at in range(0, len(block), CHUNK):
                sock.sendall(block[at : at + CHUNK])
                cell.add(CHUNK)

    return job


def opened(address: Address, context: ssl.SSLContext | None) -> socket.socket:
    """A connection, with TLS when there is a context."""
    sock = dial(address)
    return sock if context is None else context.wrap_socket(sock, server_hostname="bench.example.com")


def handshake(address: Address, context: ssl.SSLContext, resume: bool) -> Job:
    """Connect, shake hands, request, answer, close; a unit is one connection."""

    def job(cell: Cell) -> None:
        session: ssl.SSLSession | None = None
        while True:
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.connect(address)
            tls = context.wrap_socket(sock, server_hostname="bench.example.com", session=session)
            try:
                tls.send(REQUEST)
                read_answer(tls, ANSWER)
                if session is not None and not tls.session_reused:
                    raise WrongAnswer("the session was not resumed")
                if resume and session is None:
                    session = tls.session
            finally:
                tls.close()
            cell.add()

    return job


def client_context(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """A client that looks at no certificate: what the client spends is not the subject."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    return context


def hello(name: str, context: ssl.SSLContext | None = None) -> bytes:
    """The ClientHello that asks for a name."""
    outgoing = ssl.MemoryBIO()
    tls = (context or client_context()).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()
