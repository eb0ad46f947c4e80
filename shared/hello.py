"""The ClientHello, as far as a gateway must read it: name, ALPN, versions (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1).

`parse` takes the body of the handshake message, without record or handshake headers (see `sniff`), checks every
declared length, and raises BadHello and nothing else. What a fingerprint needs beside that is in `hello_details`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct, error, unpack
from typing import Final, TypeVar

SERVER_NAME: Final = 0
ALPN: Final = 16
SUPPORTED_VERSIONS: Final = 43
WANTED: Final = frozenset({SERVER_NAME, ALPN, SUPPORTED_VERSIONS})
HOST_NAME: Final = 0

PROTOCOLS: Final = {
    0x0304: "TLSv1.3",
    0x0303: "TLSv1.2",
    0x0302: "TLSv1.1",
    0x0301: "TLSv1",
    0x0300: "SSLv3",
    0x0002: "SSLv2",
}
"""nginx's words of `$ssl_preread_protocol`."""

MAX_SESSION_ID: Final = 32
MEMO_LIMIT: Final = 64
"""Bytes; lists up to this long are remembered once parsed: real clients send few different ones (0.1 against 1 µs)."""

_T = TypeVar("_T")

_HEAD: Final = Struct(">H32xB").unpack_from
_EXTENSION: Final = Struct(">HH").unpack_from
_LENGTH: Final = Struct(">H").unpack_from
_NAME: Final = Struct(">BH").unpack_from


class BadHello(ValueError):
    """Bytes that claim to be a ClientHello and are not; `args[0]` says what is wrong with them."""


class ClientHello:
    """What the client offers."""

    __slots__ = ("alpn", "body", "legacy_version", "server_name", "versions")

    def __init__(
        self, server_name: str | None, alpn: tuple[str, ...], legacy_version: int, versions: tuple[int, ...]
    ) -> None:
        self.server_name = server_name
        """The host_name as sent, one character per byte (latin-1); None without one. For a log, see `printable`."""
        self.alpn = alpn
        self.legacy_version = legacy_version
        self.versions = versions
        """supported_versions in the client's order without GREASE; without that extension the legacy version alone."""
        self.body = b""
        """All of it, where somebody may ask for its details (fingerprints, plugins) once it has been read."""

    @property
    def name(self) -> str | None:
        """The server name as routes and certificates compare it."""
        return None if self.server_name is None else normal_name(self.server_name)

    @property
    def protocol(self) -> str:
        """`$ssl_preread_protocol`: the highest version offered, empty when none is known."""
        return PROTOCOLS.get(max(PROTOCOLS.keys() & self.versions, default=0), "")

    @property
    def alpn_protocols(self) -> str:
        """`$ssl_preread_alpn_protocols`."""
        return ",".join(self.alpn)

    def __repr__(self) -> str:
        return f"ClientHello({self.server_name!r}, {self.alpn!r}, {self.legacy_version:#06x}, {self.versions!r})"


def normal_name(name: str) -> str:
    """A host name as it is compared: lower case, one trailing dot dropped."""
    return name.lower().removesuffix(".")


def is_grease(value: int) -> bool:
    """Whether a two-byte value is one of RFC 8701's sixteen that mean nothing."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def parse(body: bytes) -> ClientHello:
    """Read a ClientHello's body; raises BadHello."""
    try:
        return _parse(body)
    except (IndexError, error):
        raise BadHello("a length in the ClientHello leads beyond its end") from None


def _parse(body: bytes) -> ClientHello:
    legacy_version, session_id = _HEAD(body)
    if session_id > MAX_SESSION_ID:
        raise BadHello(f"session id of {session_id} bytes")
    pos = 35 + session_id
    (ciphers,) = _LENGTH(body, pos)
    if not ciphers or ciphers & 1:
        raise BadHello(f"cipher list of {ciphers} bytes")
    pos += 2 + ciphers
    if not body[pos]:
        raise BadHello("no compression method")
    pos += 1 + body[pos]
    # One loop in place of a call: it is the larger part of what a connection by name costs here.
    name = protocols = versions = None
    end = len(body)
    if pos != end:  # RFC 5246 7.4.1.2: a hello may end without the block
        (size,) = _LENGTH(body, pos)
        pos += 2
        if pos + size != end:
            raise BadHello(f"extensions of {size} bytes where {end - pos} are left")
        while pos < end:
            kind, size = _EXTENSION(body, pos)
            start = pos + 4
            pos = start + size
            if kind in WANTED:
                content = body[start:pos]
                if kind == SERVER_NAME and name is None:
                    name = content
                elif kind == ALPN and protocols is None:
                    protocols = content
                elif kind == SUPPORTED_VERSIONS and versions is None:
                    versions = content
                else:  # RFC 8446 4.2; which one would the server believe?
                    raise BadHello(f"extension {kind} twice")
        if pos != end:
            raise BadHello("an extension leads beyond the end of the ClientHello")
    return ClientHello(
        None if name is None else _host_name(name),
        () if protocols is None else _remembered(protocols, _alpn, _alpn_memo),
        legacy_version,
        (legacy_version,) if versions is None else _remembered(versions, _versions, _versions_memo),
    )


def _host_name(content: bytes) -> str | None:
    """The first host_name of a server_name extension; an empty one counts as none, as with nginx."""
    end = len(content)
    if end < 5 or _LENGTH(content)[0] != end - 2:
        raise BadHello("server_name of a wrong length")
    kind, size = _NAME(content, 2)
    if kind == HOST_NAME and size == end - 5:  # one name, as every client sends it
        return content[5:].decode("latin-1") or None
    name: str | None = None
    pos = 2
    while pos < end:
        kind = content[pos]
        (size,) = _LENGTH(content, pos + 1)
        pos += 3 + size
        if pos > end:
            raise BadHello("server_name of a wrong length")
        if kind == HOST_NAME and name is None:
            name = content[pos - size : pos].decode("latin-1")
    return name or None


def _alpn(content: bytes) -> tuple[str, ...]:
    end = len(content)
    if end < 4 or _LENGTH(content)[0] != end - 2:
        raise BadHello("ALPN of a wrong length")
    protocols = []
    pos = 2
    while pos < end:
        size = content[pos]
        pos += 1 + size
        if not size or pos > end:
            raise BadHello("ALPN of a wrong length")
        protocols.append(content[pos - size : pos].decode("latin-1"))
    return tuple(protocols)


def _versions(content: bytes) -> tuple[int, ...]:
    size = len(content) - 1
    if size < 2 or size & 1 or content[0] != size:
        raise BadHello("supported_versions of a wrong length")
    return tuple([version for version in unpack(f">{size // 2}H", content[1:]) if not is_grease(version)])


_alpn_memo: Final = lru_cache(256)(_alpn)
_versions_memo: Final = lru_cache(256)(_versions)


def _remembered(content: bytes, read: Callable[[bytes], _T], memo: Callable[[bytes], _T]) -> _T:
    return memo(content) if len(content) <= MEMO_LIMIT else read(content)
