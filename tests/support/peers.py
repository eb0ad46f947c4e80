"""Servers of the test process that a gateway connects to: what they do with a connection is a function.

Each connection has its own thread, so that a peer may block as a real one does; closing the peer closes them all.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from deadline import seconds, wait_for

Behaviour = Callable[[socket.socket], None]

CHUNK: Final = 1 << 16
PATIENCE: Final = 60.0
"""Seconds after which a peer gives a silent connection up, lest a thread outlive its test."""


class Peer:
    """A server on a free loopback port, or on a unix socket when `path` is given."""

    def __init__(
        self,
        behave: Behaviour,
        tls: ssl.SSLContext | None = None,
        path: str | None = None,
        port: int = 0,
        family: int = socket.AF_INET,
    ) -> None:
        self.behave = behave
        self.tls = tls
        self.listener = socket.socket(socket.AF_UNIX if path else family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        loopback = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self.listener.bind(path or (loopback, port))
        self.listener.listen(1024)
        self.port: int = 0 if path else self.listener.getsockname()[1]
        self.address = f"unix:{path}" if path else f"{'[::1]' if loopback == '::1' else loopback}:{self.port}"
        self.accepted = 0
        self.open: set[socket.socket] = set()
        self.threads: set[threading.Thread] = set()
        self.lock = threading.Lock()
        self.loop = threading.Thread(target=self._accept, name=f"peer {self.address}", daemon=True)
        self.loop.start()

    def __str__(self) -> str:
        return self.address

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and cut every connection."""
        _shut(self.listener)
        self.loop.join(seconds(10))
        self.listener.close()
        with self.lock:
            threads = list(self.threads)
            for connection in self.open:
                _shut(connection)
        for thread in threads:
            thread.join(seconds(10))

    def wait_accepted(self, count: int, within: float = 10) -> None:
        """Wait until so many connections have come."""
        wait_for(lambda: self.accepted >= count, f"{self.address} has accepted {count}, not {self.accepted}", within)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), name=f"peer {self.address}", daemon=True)
            with self.lock:
                self.accepted += 1
                self.open.add(connection)
                self.threads.add(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        serving = connection
        try:
            connection.settimeout(seconds(PATIENCE))
            if self.tls is not None:
                serving = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                with self.lock:
                    self.open.add(serving)
                serving.do_handshake()
            self.behave(serving)
        except OSError:
            pass  # the other side left, or the peer is closing: how a session ends is for the test to judge
        finally:
            with self.lock:
                self.open -= {connection, serving}
                self.threads.discard(threading.current_thread())
            serving.close()
            connection.close()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


# -- behaviours


def echo(connection: socket.socket) -> None:
    """Send back what comes, then close."""
    while data := connection.recv(CHUNK):
        connection.sendall(data)


def says(name: str) -> Behaviour:
    """Say a name at once, then read until the other side closes."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(name.encode())
        while connection.recv(CHUNK):
            pass

    return behave


def says_and_leaves(name: str) -> Behaviour:
    """Say a name and close."""
    return lambda connection: connection.sendall(name.encode())


def answers_at_end(connection: socket.socket) -> None:
    """Read up to the client's FIN, then say how many bytes came: what only a half-closed session can hear."""
    count = 0
    while data := connection.recv(CHUNK):
        count += len(data)
    connection.sendall(b"%d bytes" % count)


def tells_first_bytes(connection: socket.socket) -> None:
    """Answer the first bytes that come with their representation in hexadecimal digits, then close."""
    connection.sendall(connection.recv(CHUNK).hex().encode())


def stalls(connection: socket.socket) -> None:
    """Never read; end when the other side or the peer does."""
    wait = threading.Event()
    while connection.fileno() >= 0 and not wait.wait(0.05):
        with contextlib.suppress(BlockingIOError):
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
            if info[0] != 1:  # no longer TCP_ESTABLISHED
                return


def resets(connection: socket.socket) -> None:
    """Wait for a byte, then answer with a reset."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def sinks(connection: socket.socket) -> None:
    """Read a length line and so many bytes, then answer their sha256."""
    length = _length_line(connection)
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(1 << 18))
    while length > 0:
        count = connection.recv_into(buffer[: min(length, len(buffer))])
        if count == 0:
            return
        digest.update(buffer[:count])
        length -= count
    connection.sendall(digest.hexdigest().encode())


def sources(connection: socket.socket) -> None:
    """Read a length line, then send so many bytes of `block()`, and close."""
    length = _length_line(connection)
    chunk = memoryview(block())
    while length > 0:
        connection.sendall(chunk[: min(length, len(chunk))])
        length -= min(length, len(chunk))


def block() -> bytes:
    """A megabyte that does not repeat within itself."""
    return hashlib.shake_256(b"penstock").digest(1 << 20)


def digest_of(length: int) -> str:
    """The sha256 of so many bytes of `block()` over and over."""
    digest = hashlib.sha256()
    chunk = memoryview(block())
    while length > 0:
        digest.update(chunk[: min(length, len(chunk))])
        length -= min(length, len(chunk))
    return digest.hexdigest()


def _length_line(connection: socket.socket) -> int:
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionResetError("closed before the length")
        line += byte
    return int(line)


class Full:
    """A port whose queue is full: the kernel drops what wants to connect, as a host that does not answer does."""

    def __init__(self) -> None:
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port: int = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.fillers: list[socket.socket] = []
        while not self.fillers or self._fill():
            self.fillers.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))

    def __str__(self) -> str:
        return self.address

    def _fill(self) -> bool:
        filler = self.fillers[-1]
        filler.settimeout(0.3)
        try:
            filler.connect(("127.0.0.1", self.port))
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Let go."""
        for connection in (*self.fillers, self.listener):
            connection.close()
