"""PostgreSQL (https://www.postgresql.org/docs/current/protocol-flow.html, sections 55.2.10 and 55.2.11).

A client asks with SSLRequest and waits for one byte. One that asks for GSSAPI encryption is told no and may ask for
TLS then. A startup or cancel message stays in clear, and so it is the upstream that says whether that will do. Direct
TLS (libpq 17 and later) needs no prologue.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from .prologue import Exchange, Refused, Stage, Starttls, Step

HEAD: Final = Struct(">II")
SSL_REQUEST: Final = HEAD.pack(8, 80877103)
GSSENC_REQUEST: Final = HEAD.pack(8, 80877104)
CANCEL: Final = 80877102
PROTOCOL_3: Final = 3
MAX_STARTUP: Final = 10_000
"""PostgreSQL's own limit of a startup packet."""
HANDSHAKE: Final = 0x16
YES: Final = b"S"
NO: Final = b"N"


class PostgresFront:
    """See the module."""

    greeting = b""

    def __init__(self) -> None:
        self._asked_gss = False

    def step(self, data: bytes) -> Step:
        """The first packet, or a hello."""
        if not data:
            return Step(Stage.MORE)
        if data[0] == HANDSHAKE:
            return Step(Stage.TLS)
        if len(data) < HEAD.size:
            return Step(Stage.MORE) if data[0] == 0 else broken("the first bytes are no PostgreSQL packet")
        if data.startswith(SSL_REQUEST):
            if len(data) > HEAD.size:
                # bytes behind the request were not encrypted, whatever the client thinks (CVE-2021-23222)
                return broken("bytes follow SSLRequest in clear")
            return Step(Stage.TLS, HEAD.size, YES)
        if data.startswith(GSSENC_REQUEST) and not self._asked_gss:
            self._asked_gss = True
            return Step(Stage.MORE, HEAD.size, NO)
        length, code = HEAD.unpack_from(data)
        if HEAD.size <= length <= MAX_STARTUP and (code >> 16 == PROTOCOL_3 or code == CANCEL):
            return Step(Stage.PLAIN)
        return broken("the first packet is none of PostgreSQL's")

    def replay(self) -> bytes:
        """Nothing that was consumed is for the upstream."""
        return b""


def broken(reason: str) -> Step:
    """The client does not speak PostgreSQL."""
    return Step(Stage.BROKEN, reason=reason)


def answered(data: bytes) -> int | None:
    """One byte."""
    if not data:
        return None
    if data[:1] == YES:
        if len(data) > 1:
            raise Refused("the upstream sent bytes in clear behind its consent to TLS")
        return 1
    if data[:1] == NO:
        raise Refused("the upstream does not offer TLS")
    raise Refused("the upstream answers SSLRequest with an error")


def back(tls: bool, replay: bytes) -> tuple[Exchange, ...]:
    """Ask for TLS; in clear there is nothing to say before the client's own startup message."""
    del replay
    return (Exchange(SSL_REQUEST, answered),) if tls else ()


POSTGRES: Final = Starttls("postgres", PostgresFront, back)
