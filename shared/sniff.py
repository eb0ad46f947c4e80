"""TLS or plain: what the first bytes of a connection say.

`sniff` is given all bytes that have come so far, each time from the start, and keeps nothing between calls. It answers

- PLAIN as soon as the bytes cannot become a ClientHello: the first byte is neither a handshake record's nor that of an
  SSLv2 hello, or the ones that follow do not fit it;
- MORE while they may; `need` is how many bytes are worth the next look, so that a hello that trickles in, in records of
  one byte, costs a few dozen looks and not thousands;
- TLS with the hello once it is complete, in one record or many, cut anywhere (RFC 8446 5.1), whatever follows it;
  SSLv2's own framing counts (RFC 5246 E.2), with the version it asks for and no name;
- MALFORMED when they began as a TLS handshake record and then break its rules. DTLS is MALFORMED too: its first bytes
  are unmistakable, and no service behind a stream could mean it.

With `at_end` nothing more will come, and MORE becomes MALFORMED within a claimed ClientHello, PLAIN before (also when
there was no byte at all: a client may close its side and wait to be spoken to).
"""

from __future__ import annotations

from enum import Enum
from struct import Struct
from typing import Final

from .hello import BadHello, ClientHello, parse

HANDSHAKE: Final = 0x16
CLIENT_HELLO: Final = 1
RECORD_HEADER: Final = 5
MESSAGE_HEADER: Final = 4
MAX_RECORD: Final = 2**14 + 2048
MAX_HELLO: Final = 2**16
"""Bytes of the handshake message's body. The largest recorded hello, with three post-quantum shares, has 4.4 KB."""
SSLV2_HEADER: Final = 11
SSLV2_SMALLEST: Final = 9 + 3 + 16
"""A record with one cipher and the shortest challenge."""

_FIRST: Final = Struct(">xBxHBBH").unpack_from
"""Record: type, major, minor, length; message: type, length (8 and 16 bits)."""


class Outcome(Enum):
    """What the bytes are."""

    TLS = "tls"
    PLAIN = "plain"
    MORE = "more"
    MALFORMED = "malformed"


class Sniffed:
    """An outcome with what belongs to it."""

    __slots__ = ("body", "hello", "need", "outcome", "reason")

    def __init__(
        self,
        outcome: Outcome,
        hello: ClientHello | None = None,
        body: bytes = b"",
        need: int = 0,
        reason: str = "",
    ) -> None:
        self.outcome = outcome
        self.hello = hello
        """Set with TLS."""
        self.body = body
        """The ClientHello's body, for `hello_details`; empty for SSLv2's form. Not to be kept with a session."""
        self.need = need
        """With MORE: bytes, from the start, that there must be before TLS can be the answer."""
        self.reason = reason
        """With MALFORMED: what is wrong, one clause without a stop."""

    def __repr__(self) -> str:
        return f"Sniffed({self.outcome.name}, {self.hello!r}, need={self.need}, reason={self.reason!r})"


PLAIN: Final = Sniffed(Outcome.PLAIN)


def sniff(data: bytes | memoryview, at_end: bool = False) -> Sniffed:
    """Tell what the bytes that came so far are; never raises."""
    if type(data) is not bytes:
        data = bytes(data)
    ordinary = len(data) > RECORD_HEADER + MESSAGE_HEADER and data[0] == HANDSHAKE
    found = _record(data) if ordinary else _look(data)
    if at_end and found.outcome is Outcome.MORE:
        return _cut_off(data, found)
    return found


def _look(data: bytes) -> Sniffed:
    if not data:
        return _more(1)
    if data[0] == HANDSHAKE:
        return _records(data)
    if data[0] & 0x80:
        return _sslv2(data)
    return PLAIN


def _cut_off(data: bytes, found: Sniffed) -> Sniffed:
    if data[:2] == b"\x16\x03" or found.need > SSLV2_HEADER:
        return _malformed("the connection ended within the ClientHello")
    return PLAIN


def _record(data: bytes) -> Sniffed:
    """The ordinary case, a hello in one record; everything else goes to `_records`."""
    major, record, kind, high, size = _FIRST(data)
    if major != 3 or kind != CLIENT_HELLO or high or size + MESSAGE_HEADER > record or record > MAX_RECORD:
        return _records(data)
    end = RECORD_HEADER + MESSAGE_HEADER + size
    return _tls(data[RECORD_HEADER + MESSAGE_HEADER : end]) if len(data) >= end else _more(end)


def _records(data: bytes) -> Sniffed:
    """Put the handshake message together from its records, checking each as far as it has come."""
    message = bytearray()
    wanted = MESSAGE_HEADER
    pos = 0
    while True:
        header = data[pos : pos + RECORD_HEADER]
        if wrong := _wrong_header(header, first=not pos):
            return wrong
        if len(header) < RECORD_HEADER:
            return _more(pos + RECORD_HEADER + wanted - len(message))
        pos += RECORD_HEADER
        size = header[3] << 8 | header[4]
        if not 0 < size <= MAX_RECORD:
            return _malformed(f"record of {size} bytes")
        message += data[pos : pos + size]
        pos += size
        if message and message[0] != CLIENT_HELLO:
            return _malformed(f"handshake message of type {message[0]} where a ClientHello is due")
        if len(message) >= MESSAGE_HEADER:
            wanted = MESSAGE_HEADER + int.from_bytes(message[1:MESSAGE_HEADER])
            if wanted > MESSAGE_HEADER + MAX_HELLO:
                return _malformed(f"ClientHello of {wanted - MESSAGE_HEADER} bytes")
            if len(message) >= wanted:
                return _tls(bytes(message[MESSAGE_HEADER:wanted]))
        if pos > len(data):
            missing = wanted - len(message)
            rest = pos - len(data)
            return _more(len(data) + missing + (RECORD_HEADER if missing > rest else 0))


def _wrong_header(header: bytes, first: bool) -> Sniffed | None:
    """What the bytes of a record's header that have come rule out; None while it may be a handshake record's."""
    if header[:1] not in (b"", b"\x16"):
        return _malformed(f"record of type {header[0]} within the ClientHello")
    if header[1:2] in (b"", b"\x03"):
        return None
    if not first:
        return _malformed(f"record of version {header[1]} within the ClientHello")
    if header[1] != 0xFE:
        return PLAIN
    if len(header) == 2:
        return _more(3)
    return _malformed("DTLS on a stream") if header[2] in (0xFF, 0xFD) else PLAIN


def _sslv2(data: bytes) -> Sniffed:
    """A ClientHello in SSLv2's framing (RFC 5246 E.2), of SSLv2 itself or of a client that can do better.

    Many a binary protocol begins with a byte over 0x7f (SunRPC's record mark, for one), so the whole header must agree.
    """
    size = len(data)
    if size < 2:
        return _more(2)
    record = (data[0] & 0x7F) << 8 | data[1]
    if record < SSLV2_SMALLEST or data[2:3] not in (b"", b"\x01") or data[3:4] not in (b"", b"\x00", b"\x03"):
        return PLAIN
    if size < 5:
        return _more(size + 1)
    version = data[3] << 8 | data[4]
    if version != 0x0002 and not 0x0300 <= version <= 0x0304:
        return PLAIN
    if size < SSLV2_HEADER:
        return _more(SSLV2_HEADER)
    ciphers, session_id, challenge = (int.from_bytes(data[at : at + 2]) for at in (5, 7, 9))
    if not ciphers or ciphers % 3 or session_id > 32 or not 16 <= challenge <= 32:
        return PLAIN
    if 9 + ciphers + session_id + challenge != record:
        return PLAIN
    if size < 2 + record:
        return _more(2 + record)
    return Sniffed(Outcome.TLS, ClientHello(None, (), version, (version,)))


def _tls(body: bytes) -> Sniffed:
    try:
        return Sniffed(Outcome.TLS, parse(body), body)
    except BadHello as bad:
        return _malformed(bad.args[0])


def _more(need: int) -> Sniffed:
    return Sniffed(Outcome.MORE, need=need)


def _malformed(reason: str) -> Sniffed:
    return Sniffed(Outcome.MALFORMED, reason=reason)
