"""Clients of a gateway: plain sockets, Python's TLS, and openssl's own."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Sequence

from deadline import seconds
from needs import program


def connect(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A connection with a deadline on everything."""
    return socket.create_connection((host, port), timeout=seconds(15))


def connect_unix(path: str) -> socket.socket:
    """The same to a unix socket."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(seconds(15))
    connection.connect(path)
    return connection


def connect_tls(port: int, context: ssl.SSLContext, name: str | None = None) -> ssl.SSLSocket:
    """A TLS connection that names `name` in its hello; certificates are checked as `context` says."""
    plain = connect(port)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def careless(**wanted: object) -> ssl.SSLContext:
    """A client's context that checks nothing; attributes may be set by keyword."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for attribute, value in wanted.items():
        setattr(context, attribute, value)
    return context


def read_exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes; fewer only when the other side ends first."""
    data = bytearray()
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            break
        data += more
    return bytes(data)


def read_all(connection: socket.socket) -> bytes:
    """Everything up to the other side's FIN; raises on a reset."""
    data = bytearray()
    while more := connection.recv(65536):
        data += more
    return bytes(data)


def echoed(connection: socket.socket, data: bytes) -> bytes:
    """Send, and read as many bytes back."""
    connection.sendall(data)
    return read_exactly(connection, len(data))


def ask(port: int, data: bytes = b"") -> bytes:
    """Connect, send, and read all that comes until the other side closes."""
    with connect(port) as connection:
        if data:
            connection.sendall(data)
        return read_all(connection)


def name_of_peer(port: int, data: bytes = b"", length: int = 1) -> str:
    """Which of the peers that say a name of `length` letters a new session reaches."""
    with connect(port) as connection:
        if data:
            connection.sendall(data)
        return read_exactly(connection, length).decode()


def ended_without_a_byte(connection: socket.socket) -> bool:
    """Whether the other side closes or resets and sends nothing; raises TimeoutError if it stays."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def reset(connection: socket.socket) -> None:
    """Leave with a reset instead of a FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def client_hello(name: str | None = None, alpn: Sequence[str] = ()) -> bytes:
    """The bytes that Python's TLS opens a connection with."""
    context = careless()
    if alpn:
        context.set_alpn_protocols(list(alpn))
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake without a server")


def s_client(port: int, *flags: str, send: bytes = b"", until: str = "", close: bool = True) -> str:
    """What `openssl s_client` says with these flags; it is let go once it has said `until`.

    `close` ends its standard input then; without it the other side is expected to close.
    """
    command = [program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        limit = threading.Timer(seconds(20), client.kill)
        limit.start()
        try:
            client.stdin.write(send)
            client.stdin.flush()
            said = ""
            while until not in said and (more := os.read(client.stdout.fileno(), 65536)):
                said += more.decode(errors="replace")
            if close:
                client.stdin.close()
            return said + client.stdout.read().decode(errors="replace")
        finally:
            limit.cancel()
            client.kill()
