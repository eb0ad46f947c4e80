"""What Penstock itself says to a client before the session ends: `return`, and plugins."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, cast

from .waiting import TIMEOUT, event

if TYPE_CHECKING:
    from .session import Session
    from .udp_session import UdpSession


async def say(session: Session, text: bytes) -> None:
    """Send a text, through the client's TLS where it has one; whatever could not be sent is told at level info."""
    if session.protocol == "UDP":
        cast("UdpSession", session).say(text)
        return
    rest = memoryview(text)
    if session.stream is not None:
        session.stream.tls.write(text)
        rest = memoryview(session.stream.outgoing.read())
    session.limit(session.target.idle_timeout)
    while rest:
        try:
            rest = rest[session.sock.send(rest, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            session.watch()
            session.listener.worker.reactor.handlers[session.fd] = session.step
            if await event() == TIMEOUT:
                session.info("client timed out (110: Connection timed out) while returning text")
                break
        except OSError as error:
            session.info(f"send() failed ({error.errno}: {error.strerror}) while returning text")
            break
    session.said = max(len(text) - len(rest), 0)
