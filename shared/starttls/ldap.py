"""LDAP (RFC 4511, 4.14): the client asks with an extended request, in BER.

LDAPMessage ::= SEQUENCE { messageID INTEGER, extendedReq [APPLICATION 23] SEQUENCE { requestName [0] OID } }
"""

from __future__ import annotations

from typing import Final

from .prologue import Exchange, Refused, Stage, Starttls, Step

START_TLS: Final = b"1.3.6.1.4.1.1466.20037"
SEQUENCE: Final = 0x30
INTEGER: Final = 0x02
ENUMERATED: Final = 0x0A
EXTENDED_REQUEST: Final = 0x77
EXTENDED_RESPONSE: Final = 0x78
REQUEST_NAME: Final = 0x80
MAX_MESSAGE: Final = 2048
HANDSHAKE: Final = 0x16


class Ber(ValueError):
    """Bytes that are no BER of the form expected."""


def element(data: bytes, at: int, tag: int) -> tuple[int, int] | None:
    """Where the content of an element begins and ends, None while it is not whole; raises Ber."""
    if at >= len(data):
        return None
    if data[at] != tag:
        raise Ber(f"tag {data[at]:#04x} where {tag:#04x} is due")
    if at + 1 >= len(data):
        return None
    length = data[at + 1]
    at += 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4:
            raise Ber("a length of more than four bytes")
        if at + size > len(data):
            return None
        length = int.from_bytes(data[at : at + size])
        at += size
    if length > MAX_MESSAGE:
        raise Ber(f"an element of {length} bytes")
    return (at, at + length) if at + length <= len(data) else None


def wrapped(tag: int, content: bytes) -> bytes:
    """An element of less than 128 bytes."""
    assert len(content) < 128
    return bytes((tag, len(content))) + content


class LdapFront:
    """See the module."""

    greeting = b""

    def step(self, data: bytes) -> Step:
        """The first message."""
        if not data:
            return Step(Stage.MORE)
        if data[0] == HANDSHAKE:
            return Step(Stage.TLS)
        try:
            whole = element(data, 0, SEQUENCE)
        except Ber as error:
            return Step(Stage.BROKEN, reason=f"the first bytes are no LDAP message ({error})")
        if whole is None:
            return Step(Stage.MORE)
        begin, end = whole
        identifier = self._start_tls(data[:end], begin)
        if identifier is None:
            return Step(Stage.PLAIN)
        if len(data) > end:
            return Step(Stage.BROKEN, reason="bytes follow StartTLS in clear")
        result = wrapped(ENUMERATED, b"\0") + wrapped(0x04, b"") + wrapped(0x04, b"")
        answer = wrapped(SEQUENCE, wrapped(INTEGER, identifier) + wrapped(EXTENDED_RESPONSE, result))
        return Step(Stage.TLS, end, answer)

    def _start_tls(self, message: bytes, at: int) -> bytes | None:
        """The message's id if it asks for TLS."""
        try:
            identifier = element(message, at, INTEGER)
            if identifier is None:
                return None
            request = element(message, identifier[1], EXTENDED_REQUEST)
            if request is None:
                return None
            name = element(message, request[0], REQUEST_NAME)
        except Ber:
            return None
        if name is None or message[name[0] : name[1]] != START_TLS or identifier[1] - identifier[0] > 4:
            return None
        return message[identifier[0] : identifier[1]]

    def replay(self) -> bytes:
        """Nothing that was consumed is for the upstream."""
        return b""


REQUEST: Final = wrapped(
    SEQUENCE, wrapped(INTEGER, b"\x01") + wrapped(EXTENDED_REQUEST, wrapped(REQUEST_NAME, START_TLS))
)


def answered(data: bytes) -> int | None:
    """An extended response with result code 0."""
    try:
        whole = element(data, 0, SEQUENCE)
        if whole is None:
            return None
        identifier = element(data, whole[0], INTEGER)
        response = element(data, identifier[1], EXTENDED_RESPONSE) if identifier else None
        code = element(data, response[0], ENUMERATED) if response else None
    except Ber as error:
        raise Refused(f"the upstream does not answer StartTLS in LDAP ({error})") from None
    if code is None:
        raise Refused("the upstream's answer to StartTLS is cut short")
    result = int.from_bytes(data[code[0] : code[1]])
    if result:
        raise Refused(f"the upstream answers StartTLS with result code {result}")
    return whole[1]


def back(tls: bool, replay: bytes) -> tuple[Exchange, ...]:
    """Ask for TLS; in clear there is nothing to say."""
    del replay
    return (Exchange(REQUEST, answered),) if tls else ()


LDAP: Final = Starttls("ldap", LdapFront, back)
