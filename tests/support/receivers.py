"""Receivers of what log plugins send, in the test's own loop: what came is kept."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from deadline import seconds


async def until(condition: Callable[[], object], what: str) -> None:
    """Let the loop go on until something holds."""
    try:
        async with asyncio.timeout(seconds(10)):
            while not condition():
                await asyncio.sleep(0.001)
    except TimeoutError:
        raise AssertionError(f"not within the time: {what}") from None


@dataclass
class Lines:
    """A TCP server."""

    port: int = 0
    connections: list[asyncio.StreamWriter] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)

    def lines(self) -> list[bytes]:
        """What came, by line."""
        return bytes(self.data).splitlines()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep what comes."""
        self.connections.append(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                self.data += data
        writer.close()


@contextlib.asynccontextmanager
async def tcp(tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Lines]:
    """A TCP server on a free port of loopback."""
    lines = Lines()
    server = await asyncio.start_server(lines.serve, "127.0.0.1", port, ssl=tls)
    lines.port = server.sockets[0].getsockname()[1]
    try:
        yield lines
    finally:
        server.close()
        for writer in lines.connections:
            writer.transport.abort()
        await server.wait_closed()


def datagrams(path: Path | None = None, family: int = socket.AF_INET) -> socket.socket:
    """A bound socket of datagrams that never blocks."""
    one = socket.socket(socket.AF_UNIX if path else family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    one.bind(str(path) if path else ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    return one


def received(one: socket.socket) -> list[bytes]:
    """Every datagram that is there."""
    found: list[bytes] = []
    while True:
        try:
            found.append(one.recv(65536))
        except BlockingIOError:
            return found


Scenario = Callable[[], Awaitable[None]]


def play(scenario: Scenario) -> None:
    """Run a coroutine within the time that a test has."""

    async def limited() -> None:
        async with asyncio.timeout(seconds(30)):
            await scenario()

    asyncio.run(limited())
