"""One question to a peer: connect, perhaps TLS, perhaps some bytes and an answer."""

from __future__ import annotations

import asyncio
import os
import ssl
from socket import AF_INET6, AF_UNIX

from ..shared.model.address import Address, ipv4, ipv6
from ..shared.model.health import Probe
from ..shared.pattern import Pattern, compile_pattern

MOST_READ = 65536
"""Bytes of an answer that are looked at."""
TIMED_OUT = "timed out"


class Prober:
    """Asks as one `Probe` says; makes its pattern and its TLS context once."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._pattern: Pattern | None = compile_pattern(probe.expect) if probe.expect else None
        self._context = unverified() if probe.tls else None

    async def ask(self, address: Address) -> str:
        """Ask once: an empty text when the peer works, else what went wrong; TIMED_OUT when it took too long."""
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(self.probe.timeout):
                reader, writer = await self._connect(self._place(address))
                if self.probe.send:
                    writer.write(self.probe.send)
                    await writer.drain()
                return await self._answer(reader)
        except TimeoutError:
            return TIMED_OUT
        except ssl.SSLError as error:
            return f"SSL handshake failed ({error.reason or error})"
        except OSError as error:
            number = error.errno
            return f"connect() failed ({number}: {os.strerror(number)})" if number else f"connect() failed ({error})"
        except (EOFError, ValueError) as error:
            return str(error)
        finally:
            if writer is not None:
                writer.transport.abort()

    async def _connect(self, address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = self.probe.sni if self._context is not None else None
        if address.family == AF_UNIX:
            return await asyncio.open_unix_connection(address.host, ssl=self._context, server_hostname=name)
        return await asyncio.open_connection(
            address.host, address.port, ssl=self._context, server_hostname=name, family=address.family
        )

    async def _answer(self, reader: asyncio.StreamReader) -> str:
        if self._pattern is None:
            return ""
        got = b""
        while len(got) < MOST_READ:
            more = await reader.read(MOST_READ - len(got))
            got += more
            if self._pattern.search(got.decode("latin-1")):
                return ""
            if not more:
                break
        return "the answer is not the one expected" if got else "it closed without an answer"

    def _place(self, address: Address) -> Address:
        port = self.probe.port
        if not port or address.family == AF_UNIX:
            return address
        return ipv6(address.host, port) if address.family == AF_INET6 else ipv4(address.host, port)


def unverified() -> ssl.SSLContext:
    """A context for checks: what is asked is whether TLS is spoken, not by whom."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
