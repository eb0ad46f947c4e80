"""What a PROXY protocol header says, and the four ways in which reading one can end."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final

AddressPort = tuple[str, int]
"""An IP address as text, without brackets, and a port."""

NOWHERE: Final[AddressPort] = ("", 0)


class Outcome(Enum):
    """How reading a header ended."""

    HEADER = "header"
    NOT_PROXY = "not_proxy"
    """The bytes do not begin a PROXY header."""
    MORE = "more"
    MALFORMED = "malformed"
    """They begin one, and break its rules."""


class Tlv(IntEnum):
    """The types of a version 2 header's extensions (section 2.2)."""

    ALPN = 0x01
    AUTHORITY = 0x02
    CRC32C = 0x03
    NOOP = 0x04
    UNIQUE_ID = 0x05
    SSL = 0x20
    SSL_VERSION = 0x21
    SSL_CN = 0x22
    SSL_CIPHER = 0x23
    SSL_SIG_ALG = 0x24
    SSL_KEY_ALG = 0x25
    NETNS = 0x30


SSL_FIXED: Final = 5
"""Bytes of an SSL extension before its own extensions: client flags (8 bits), verify (32 bits)."""

Tlvs = tuple[tuple[int, bytes], ...]


class ProxyHeader:
    """A header received.

    Without an address (`known` is false: LOCAL, UNKNOWN, or a family that a stream cannot have) the addresses are empty
    texts and the ports 0, and the connection's own endpoints count.
    """

    __slots__ = (
        "destination_addr",
        "destination_port",
        "length",
        "source_addr",
        "source_port",
        "tlvs",
        "version",
    )

    def __init__(
        self,
        version: int,
        length: int,
        source: AddressPort = ("", 0),
        destination: AddressPort = ("", 0),
        tlvs: Tlvs = (),
    ) -> None:
        self.version = version
        self.length = length
        """Bytes to consume before the connection's own data."""
        self.source_addr, self.source_port = source
        """An IP address in its canonical text, or `unix:` and a path."""
        self.destination_addr, self.destination_port = destination
        self.tlvs = tlvs
        """(type, value) in the order sent; of version 2 only."""

    @property
    def known(self) -> bool:
        """Whether the header names the endpoints."""
        return bool(self.source_addr)

    def tlv(self, kind: int) -> bytes | None:
        """The value of the first extension of a type."""
        return _first(self.tlvs, kind)

    def ssl_tlv(self, kind: int) -> bytes | None:
        """The value of an extension within the SSL extension (version, CN, cipher …)."""
        content = self.tlv(Tlv.SSL)
        if content is None or len(content) < SSL_FIXED:
            return None
        return _first(read_tlvs(content[SSL_FIXED:]) or (), kind)

    @property
    def ssl_verify(self) -> int | None:
        """The SSL extension's verify field: 0 when the client presented a certificate that was verified."""
        content = self.tlv(Tlv.SSL)
        return None if content is None or len(content) < SSL_FIXED else int.from_bytes(content[1:SSL_FIXED])

    def __repr__(self) -> str:
        source = f"{self.source_addr} {self.source_port}"
        return (
            f"ProxyHeader(v{self.version}, {source} -> {self.destination_addr} {self.destination_port}, {self.tlvs!r})"
        )


class Read:
    """An outcome with what belongs to it."""

    __slots__ = ("header", "need", "outcome", "reason")

    def __init__(self, outcome: Outcome, header: ProxyHeader | None = None, need: int = 0, reason: str = "") -> None:
        self.outcome = outcome
        self.header = header
        """Set with HEADER."""
        self.need = need
        """With MORE: bytes, from the start, that there must be before the answer can be another."""
        self.reason = reason
        """With MALFORMED: what is wrong, one clause without a stop."""

    def __repr__(self) -> str:
        return f"Read({self.outcome.name}, {self.header!r}, need={self.need}, reason={self.reason!r})"


NOT_PROXY: Final = Read(Outcome.NOT_PROXY)


def more(need: int) -> Read:
    """Ask again with at least `need` bytes."""
    return Read(Outcome.MORE, need=need)


def malformed(reason: str) -> Read:
    """Refuse the connection."""
    return Read(Outcome.MALFORMED, reason=reason)


def read_tlvs(content: bytes) -> Tlvs | None:
    """The extensions that `content` is made of; None when their lengths do not add up to its own."""
    found = []
    pos = 0
    end = len(content)
    while pos + 3 <= end:
        size = content[pos + 1] << 8 | content[pos + 2]
        found.append((content[pos], content[pos + 3 : pos + 3 + size]))
        pos += 3 + size
    return tuple(found) if pos == end else None


def _first(tlvs: Tlvs, kind: int) -> bytes | None:
    return next((value for each, value in tlvs if each == kind), None)
