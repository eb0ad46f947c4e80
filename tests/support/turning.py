"""A loop that turns only while a test waits, and the two ends of its connections."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

import uvloop
from deadline import seconds

P = ParamSpec("P")
T = TypeVar("T")

TURN: Final = 0.002
"""Seconds for which the loop waits for something to happen before the test's condition is looked at again."""
AGAIN: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Loop:
    """A loop that turns until something is so."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()

    def turn(self) -> None:
        """Once, with a short wait for something to do."""
        self.loop.call_later(TURN, self.loop.stop)
        self.loop.run_forever()

    def spin(self) -> None:
        """Once, without a wait."""
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    def until(self, condition: Callable[[], T], what: str = "", within: float = 10) -> T:
        """What `condition` gives once it is true."""
        deadline = time.monotonic() + seconds(within)
        while True:
            found = condition()
            if found:
                return found
            assert time.monotonic() < deadline, f"still not after {within:g} s: {what or condition}"
            self.turn()

    def tried(self, action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a non-blocking action gives once it does not have to wait."""
        done: list[T] = []

        def attempt() -> bool:
            try:
                done.append(action(*args, **kwargs))
            except AGAIN:
                return False
            return True

        self.until(attempt, "the action can be done")
        return done[0]

    def say(self, sock: socket.socket, data: bytes) -> None:
        """Send it all."""
        rest = memoryview(data)
        while rest:
            count = self.tried(sock.send, rest)
            rest = rest[count:]

    def hear(self, sock: socket.socket, count: int) -> bytes:
        """So many bytes; fewer only if they end."""
        data = bytearray()
        while len(data) < count:
            more = self.tried(sock.recv, min(count - len(data), 1 << 18))
            if not more:
                break
            data += more
        return bytes(data)

    def carry(self, source: socket.socket, sink: socket.socket, data: bytes, close: bool = False) -> bytes:
        """What comes out of `sink` while `data` goes into `source`, whose sending may then be shut."""
        rest, heard = memoryview(data), bytearray()
        deadline = time.monotonic() + seconds(20)
        while len(heard) < len(data):
            sent, came = self.some(source.send, rest[: 1 << 18]) if rest else None, self.some(sink.recv, 1 << 18)
            rest = rest[sent or 0 :]
            heard += came or b""
            if close and not rest:
                source.shutdown(socket.SHUT_WR)
                close = False
            if came == b"":
                break
            assert time.monotonic() < deadline, f"{len(heard)} of {len(data)} bytes came"
            if sent or came:
                self.spin()
            else:
                self.turn()
        return bytes(heard)

    @staticmethod
    def some(action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What a non-blocking action gives; None if it would have to wait."""
        try:
            return action(*args, **kwargs)
        except AGAIN:
            return None

    def stuff(self, sock: socket.socket, data: bytes = bytes(1 << 16), least: int = 0) -> int:
        """Send until nothing more is taken, however often the loop turns; how many bytes that were."""
        total = still = 0
        while still < 5:
            count = self.some(sock.send, data)
            total += count or 0
            still = 0 if count else still + 1
            self.turn()
        assert total >= least
        return total

    def hear_all(self, sock: socket.socket) -> bytes:
        """Everything up to the other side's end; raises on a reset."""
        return self.hear(sock, 1 << 40)

    def ended(self, sock: socket.socket) -> bool:
        """That the other side closes or resets without another byte."""
        try:
            return self.tried(sock.recv, 1) == b""
        except ConnectionResetError:
            return True

    def shake(self, tls: ssl.SSLSocket) -> ssl.SSLSocket:
        """Do a handshake whose other end turns with the loop."""
        self.tried(tls.do_handshake)
        return tls

    def accept(self, listening: socket.socket) -> socket.socket:
        """The next connection, non-blocking."""
        sock = self.tried(listening.accept)[0]
        sock.setblocking(False)
        return sock
