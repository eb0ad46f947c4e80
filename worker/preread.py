"""What is read before a session knows where it goes: the PROXY header, and the look at the first bytes.

The look is a MSG_PEEK: nothing is taken from the socket, so that whoever gets the session, the relay, OpenSSL or the
upstream, meets the connection as the client began it. Readiness is edge-triggered, so half a hello does not spin.
"""

from __future__ import annotations

import select
from ipaddress import ip_address
from socket import MSG_DONTWAIT, MSG_PEEK
from typing import TYPE_CHECKING, Final

from ..shared.model.settings import Settings
from ..shared.printable import printable
from ..shared.proxy_protocol import Outcome as HeaderOutcome
from ..shared.proxy_protocol import parse as parse_header
from ..shared.sniff import Outcome, Sniffed, sniff
from .waiting import TIMEOUT, event

if TYPE_CHECKING:
    from .session import Session

PEEK: Final = MSG_PEEK | MSG_DONTWAIT
MAX_HEADER: Final = 4096
"""Bytes of a PROXY header that are accepted; version 2 could declare 64 KiB, real ones stay below 600."""
GONE: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


async def read_proxy_header(session: Session) -> bool:
    """Take the PROXY header off the connection; False when the session was refused for it."""
    settings = session.target.settings
    session.watch()
    session.limit(settings.proxy_protocol_timeout)
    while True:
        mask = await event()
        if mask == TIMEOUT:
            session.info("client timed out (110: Connection timed out) while reading PROXY protocol")
            session.refuse(200, "proxy_protocol")  # nginx's status for who says nothing
            return False
        try:
            data = session.sock.recv(MAX_HEADER, PEEK)
        except BlockingIOError:
            continue
        except OSError:
            data = b""
        if not data:
            session.info("client closed the connection while reading PROXY protocol")
            session.refuse(400, "proxy_protocol")
            return False
        found = parse_header(data)
        if found.outcome is HeaderOutcome.MORE and len(data) < MAX_HEADER and not mask & GONE:
            continue
        if found.header is None:
            text = printable(data[:107].decode("latin-1"))
            session.error(f'broken header: "{text}" while reading PROXY protocol')
            session.refuse(400, "proxy_protocol")
            return False
        session.sock.recv(found.header.length, MSG_DONTWAIT)
        session.edges |= mask  # what follows the header may have come with it, and will not be announced again
        session.proxy = found.header
        believe(session, settings)
        return True


def believe(session: Session, settings: Settings) -> None:
    """Take the client's address from the PROXY header if the peer is in `set_real_ip_from`."""
    header = session.proxy
    if header is None or not header.source_addr:
        return
    if session.peer_addr.startswith("unix:"):
        trusted = settings.real_ip_from_unix
    else:
        peer = ip_address(session.peer_addr)
        trusted = any(peer.version == network.version and peer in network for network in settings.real_ip_from)
    if trusted:
        session.remote_addr = header.source_addr
        session.remote_port = header.source_port


class Look:
    """How looking at the first bytes ended: one of `words.SNIFF_OUTCOMES`, and what was found."""

    __slots__ = ("found", "outcome")

    def __init__(self, outcome: str, found: Sniffed | None) -> None:
        self.outcome = outcome
        self.found = found


async def look(session: Session, settings: Settings, within: float | None = None, at_end: bool = True) -> Look:
    """Peek until the first bytes say what they are, or until a limit: time, size, or the client's end.

    The time is `preread_timeout` unless `within` says otherwise. A client that ends its side within what may be a
    hello is `closed` as in nginx, or with `at_end` whatever the bytes are by themselves.
    """
    session.watch()
    session.limit(settings.preread_timeout if within is None else within)
    size = settings.preread_buffer_size
    found: Sniffed | None = None
    need = 0
    told = session.edges
    while True:
        mask = told or await event()
        told = 0
        if mask == TIMEOUT:
            return Look("timeout", found)
        try:
            data = session.sock.recv(size, PEEK)
        except BlockingIOError:
            continue
        except OSError:
            return Look("closed", found)
        if not data:
            return Look("closed", found)
        session.edges |= mask
        if len(data) < need and not mask & GONE:
            continue  # a hello in records of one byte is not looked at a thousand times
        found = sniff(data)
        if found.outcome is Outcome.MORE:
            need = min(found.need, size)  # a full buffer is the last there is to see
            if len(data) >= size or (at_end and found.need > size):
                return Look("too_large", found)
            if not mask & GONE:
                continue
            if not at_end:
                return Look("closed", found)
            found = sniff(data, at_end=True)
        if found.outcome is Outcome.TLS:
            session.hello = hello = found.hello
            if hello is not None and session.listener.worker.keeps_hellos:
                hello.body = found.body
            return Look("tls", found)
        return Look("plain" if found.outcome is Outcome.PLAIN else "malformed", found)
