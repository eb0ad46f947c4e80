"""The clear beginning of a session that may turn to TLS: with the client before its hello, and with the upstream.

The client's part ends where ordinary preread begins: what its next bytes are is for the sniffer to say. The upstream's
part comes after the connection (and the PROXY header), before its own TLS or the first relayed byte; what it answers
there is kept from the client, who has been answered already.
"""

from __future__ import annotations

from socket import MSG_DONTWAIT, MSG_PEEK
from typing import TYPE_CHECKING, Final

from ..shared.model.settings import Settings
from ..shared.starttls.prologue import MAX_PROLOGUE, Exchange, Front, Refused, Stage, Starttls
from .waiting import TIMEOUT, event

if TYPE_CHECKING:
    from .session import Session

PEEK: Final = MSG_PEEK | MSG_DONTWAIT


class Opening:
    """How a session began in clear."""

    __slots__ = ("protocol", "replay", "turned")

    def __init__(self, protocol: Starttls) -> None:
        self.protocol = protocol
        self.turned = False
        """Whether the client asked for TLS in the protocol's way; one that begins with TLS at once did not."""
        self.replay = b""
        """What an upstream that is spoken to in clear must hear before the client's next bytes."""


async def open_client(session: Session, protocol: Starttls, settings: Settings) -> bool:
    """Play the server until the client's hello is due or it stays in clear; False when the session is over."""
    session.opening = opening = Opening(protocol)
    front = protocol.front()
    session.watch()
    session.limit(settings.preread_timeout)
    if front.greeting and not told(session, front.greeting):
        return closed(session)
    mask = session.edges
    while True:
        if not mask:
            mask = await event()
        if mask == TIMEOUT:
            session.error(f"connection refused: sniff_timeout: the client says nothing that begins {protocol.name}")
            session.refuse(400, "sniff_timeout")
            return False
        session.edges |= mask
        mask = 0
        done = step(session, front, opening)
        if done is not None:
            return done


def step(session: Session, front: Front, opening: Opening) -> bool | None:
    """Take what has come; True when the prologue is over, False when the session is, None for more."""
    while True:
        try:
            data = session.sock.recv(MAX_PROLOGUE, PEEK)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            return closed(session)
        found = front.step(data)
        if found.stage is Stage.BROKEN:
            session.error(f"connection refused: sniff_malformed: {found.reason} ({opening.protocol.name})")
            session.refuse(400, "sniff_malformed")
            return False
        if found.consumed:
            session.sock.recv(found.consumed, MSG_DONTWAIT)
        if found.reply and not told(session, found.reply):
            return closed(session)
        if found.stage is not Stage.MORE:
            opening.turned = found.stage is Stage.TLS and found.consumed > 0
            opening.replay = front.replay()
            return True
        if not found.consumed:
            return None


def told(session: Session, reply: bytes) -> bool:
    """Send a short answer; False when the client is gone, or takes nothing."""
    try:
        sent = session.sock.send(reply, MSG_DONTWAIT)
    except OSError:
        return False
    session.said += sent
    return sent == len(reply)


def closed(session: Session) -> bool:
    """The client left before there was anything to decide."""
    session.info("client closed the connection before it sent anything")
    session.finish(200)
    return False


async def open_upstream(session: Session) -> tuple[str, str]:
    """Play the client; an outcome's word and a text, or two empty ones."""
    opening = session.opening
    assert opening is not None
    tls = session.target.upstream_context is not None
    if session.hello is not None and session.stream is None:  # the client's TLS goes on to the upstream
        if not opening.turned:
            return "", ""
        tls = True
    exchanges = opening.protocol.back(tls, opening.replay)
    if not exchanges:
        return "", ""
    session.limit(session.target.connect_timeout)
    try:
        for exchange in exchanges:
            if not await answered(session, exchange):
                return "timeout", "upstream timed out (110: Connection timed out) while starting TLS with upstream"
    except Refused as refused:
        return "tls" if tls else "error", f"{refused} while starting {opening.protocol.name} with upstream"
    except OSError as error:
        text = f"recv() failed ({error.errno}: {error.strerror}) while starting {opening.protocol.name} with upstream"
        return "error", text
    return "", ""


async def answered(session: Session, exchange: Exchange) -> bool:
    """Send, and take the whole answer; False at the deadline. Raises Refused, OSError."""
    sock = session.upstream_sock
    assert sock is not None
    if exchange.send and sock.send(exchange.send, MSG_DONTWAIT) != len(exchange.send):
        raise Refused("the upstream takes nothing")
    while True:
        try:
            data = sock.recv(MAX_PROLOGUE, PEEK)
        except BlockingIOError:
            data = None
        if data is not None:
            if not data:
                raise Refused("the upstream closed the connection")
            end = exchange.end(data)
            if end is not None:
                sock.recv(end, MSG_DONTWAIT)
                return True
            if len(data) == MAX_PROLOGUE:
                raise Refused(f"the upstream answers more than {MAX_PROLOGUE} bytes")
        mask = await event()
        if mask == TIMEOUT:
            return False
        session.upstream_edges |= mask
