"""An HTTP server of the master's, on sockets that come and go with reloads.

It lives in the master's loop, which runs in slices with forks between them, so it has no threads and no executor, and
whoever connects must not be able to disturb the master: requests are small, connections are few, and one that sends
nothing, or takes nothing of what it asked for, is closed.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

MAX_CONNECTIONS: Final = 128
MAX_LINE: Final = 4096
MAX_FIELD: Final = 8190
"""Bytes of a header; Prometheus' Accept has about 300."""
MAX_HEADERS: Final = 64
IDLE_TIMEOUT: Final = 75.0
"""Seconds without a complete request; above the usual scrape interval of 60 s, so that connections are reused."""
STALL_TIMEOUT: Final = 15.0
"""Seconds in which a reader takes nothing of its answer."""
SWEEP_INTERVAL: Final = 5.0
BACKLOG: Final = 64
KEEP_PATH: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""A unix socket's path belongs to the caller, as the socket does."""
QUIET: Final = logging.getLogger("penstock.http")
"""For aiohttp, which has nothing to say that the error log should hold."""
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may ask of a server. Times are seconds, sizes bytes."""

    connections: int = MAX_CONNECTIONS
    line: int = MAX_LINE
    field: int = MAX_FIELD
    headers: int = MAX_HEADERS
    body: int = 65536
    idle: float = IDLE_TIMEOUT
    stall: float = STALL_TIMEOUT


class HttpServer:
    """Serves `answer` on the sockets that are attached."""

    def __init__(self, answer: Answer, limits: Limits = Limits()) -> None:
        self._answer_with = answer
        self._limits = limits
        self._listening: list[tuple[socket.socket, asyncio.AbstractServer]] = []
        self._connections: _Connections | None = None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections.connections) if self._connections is not None else 0

    async def attach(self, sockets: Iterable[socket.socket], tls: ssl.SSLContext | None = None) -> None:
        """Serve on bound sockets, from now on. They stay the caller's: only duplicates are used and closed."""
        loop = asyncio.get_running_loop()
        if self._connections is None:
            self._connections = _Connections(self._answer_with, self._limits)
        for bound in sockets:
            own = bound.dup()
            own.setblocking(False)
            try:
                if bound.family == socket.AF_UNIX:
                    server = await loop.create_unix_server(
                        self._connections.protocol, sock=own, backlog=BACKLOG, ssl=tls, **KEEP_PATH
                    )
                else:
                    server = await loop.create_server(self._connections.protocol, sock=own, backlog=BACKLOG, ssl=tls)
            except BaseException:
                own.close()
                raise
            self._listening.append((bound, server))

    async def detach(self, sockets: Iterable[socket.socket] | None = None) -> None:
        """Accept no more on `sockets`; without an argument stop altogether and close the connections."""
        leaving = None if sockets is None else list(sockets)
        staying = []
        for bound, server in self._listening:
            if leaving is None or any(bound is one for one in leaving):
                server.close()
            else:
                staying.append((bound, server))
        self._listening = staying
        if leaving is None and self._connections is not None:
            connections, self._connections = self._connections, None
            await connections.close()


class _Connections(web.Server):
    """aiohttp's server, watching over its connections."""

    def __init__(self, answer: Answer, limits: Limits) -> None:
        super().__init__(
            answer,
            request_factory=self._request,
            access_log=None,
            logger=QUIET,
            keepalive_timeout=limits.idle,
            lingering_time=0.0,
            max_line_size=limits.line,
            max_field_size=limits.field,
            max_headers=limits.headers,
        )
        self._limits = limits
        self._transports: dict[RequestHandler, asyncio.Transport] = {}
        self._stalled: dict[asyncio.Transport, tuple[int, float]] = {}
        """Bytes not taken, and since when."""
        self._sweep: asyncio.TimerHandle | None = None

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        return web.BaseRequest(
            message, payload, protocol, writer, task, asyncio.get_running_loop(), client_max_size=self._limits.body
        )

    def protocol(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        if len(self._transports) >= self._limits.connections:
            return _Refusal()
        return self()

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._transports[handler] = transport
        if self._sweep is None:
            self._sweep_later()

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        transport = self._transports.pop(handler, None)
        if transport is not None:
            self._stalled.pop(transport, None)

    async def close(self) -> None:
        """Close every connection, at once where there is no answer under way."""
        if self._sweep is not None:
            self._sweep.cancel()
        transports = list(self._transports.values())
        await self.shutdown(timeout=1.0)
        for transport in transports:
            transport.abort()

    def _sweep_later(self) -> None:
        interval = min(SWEEP_INTERVAL, self._limits.stall / 2)
        self._sweep = asyncio.get_running_loop().call_later(interval, self._abort_stalled)

    def _abort_stalled(self) -> None:
        self._sweep = None
        now = asyncio.get_running_loop().time()
        for transport in list(self._transports.values()):
            waiting = transport.get_write_buffer_size()
            before, since = self._stalled.get(transport, (0, now))
            if waiting == 0 or waiting != before:
                self._stalled[transport] = (waiting, now)
            elif now - since >= self._limits.stall:
                transport.abort()
        if self._transports:
            self._sweep_later()


class _Refusal(asyncio.Protocol):
    """What a connection too many gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
