"""Where log plugins send things: a TCP connection that is kept, and a socket of datagrams.

Both raise OSError for what they could not send, which a `Queue` tries again, and begin anew after that: a server that
was restarted, or whose name leads elsewhere now, is found.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final

UNIX: Final = "unix:"


class TcpOutlet:
    """A connection, made when it is needed and kept for a while when it is not. Times are seconds."""

    def __init__(
        self,
        host: str,
        port: int,
        timeout: float,
        keepalive: float,
        tls: ssl.SSLContext | None = None,
        name: str | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._host = host.strip("[]")
        self._port = port
        self._place = f"{host}:{port}"
        self._timeout = timeout
        self._keepalive = keepalive
        self._tls = tls
        self._name = name or self._host
        self._clock = clock
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used = 0.0

    async def send(self, data: bytes) -> None:
        """Send all of it within the time; raises OSError."""
        try:
            async with asyncio.timeout(self._timeout):
                writer = await self._writer()
                writer.write(data)
                await writer.drain()
        except TimeoutError:
            self._drop()
            raise TimeoutError(f"nothing went to {self._place} within {self._timeout:g} s") from None
        except OSError as error:
            self._drop()
            raise placed(error, self._place) from error
        self._used = self._clock()

    async def close(self) -> None:
        """Let what was written go, and end."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                async with asyncio.timeout(self._timeout):
                    await streams[1].wait_closed()

    async def _writer(self) -> asyncio.StreamWriter:
        if self._streams is not None:
            reader, writer = self._streams
            gone = reader.at_eof() or reader.exception() is not None or writer.is_closing()
            if not gone and self._clock() - self._used < self._keepalive:
                return writer
            self._drop()
        name = self._name if self._tls is not None else None
        self._streams = await asyncio.open_connection(
            self._host, self._port, ssl=self._tls, server_hostname=name, limit=1024
        )
        return self._streams[1]

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


class UdpOutlet:
    """Datagrams to `host:port`, or with `unix:PATH` as host to a unix socket. Never waits but for a name's address."""

    def __init__(self, host: str, port: int, timeout: float) -> None:
        self._host = host
        self._port = port
        self._place = host if host.startswith(UNIX) else f"{host}:{port}"
        self._timeout = timeout
        self._socket: socket.socket | None = None

    async def send(self, packets: Iterable[bytes]) -> None:
        """Send each; raises OSError at the first that does not go."""
        try:
            for packet in packets:
                await self._one(packet)
        except OSError as error:
            raise placed(error, self._place) from error

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _one(self, packet: bytes) -> None:
        if self._socket is None:
            self._socket = await self._opened()
        try:
            self._socket.send(packet)
        except ConnectionRefusedError:
            # the network says so of an earlier datagram; a unix socket of this one, and may have another server now
            self.close()
            self._socket = await self._opened()
            self._socket.send(packet)
        except OSError:
            self.close()
            raise

    async def _opened(self) -> socket.socket:
        if self._host.startswith(UNIX):
            return connected(socket.AF_UNIX, self._host.removeprefix(UNIX))
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._timeout):
            found = await loop.getaddrinfo(self._host.strip("[]"), self._port, type=socket.SOCK_DGRAM)
        family, _, _, _, address = found[0]
        return connected(family, address)


def placed(error: OSError, place: str) -> OSError:
    """An error of the system that says where; others say it themselves."""
    if error.errno is None or error.strerror is None or isinstance(error, ssl.SSLError):
        return error
    return OSError(error.errno, error.strerror, place)


def connected(family: int, address: object) -> socket.socket:
    """A datagram socket to an address, which never blocks; raises OSError."""
    one = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        one.connect(address)  # type: ignore[arg-type]  # what getaddrinfo gave, or a path
    except OSError:
        one.close()
        raise
    return one


def client_tls(verify: bool, authorities: str | None) -> ssl.SSLContext:
    """A context for such a connection: against a file's authorities, or the system's; raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authorities is not None:
        context.load_verify_locations(authorities)
    else:
        context.load_default_certs()
    return context
