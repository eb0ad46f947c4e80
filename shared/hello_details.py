"""What a fingerprint (JA3, JA4) and a curious log need of a ClientHello beside its name, ALPN and versions.

Read on demand from the body that `sniff` hands out: nothing of this is needed to relay a connection. GREASE values are
kept where they were sent; see `hello.is_grease`.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack
from typing import Final

from .hello import BadHello, is_grease, parse

SUPPORTED_GROUPS: Final = 10
EC_POINT_FORMATS: Final = 11
SIGNATURE_ALGORITHMS: Final = 13
PRE_SHARED_KEY: Final = 41
EARLY_DATA: Final = 42
KEY_SHARE: Final = 51
ENCRYPTED_CLIENT_HELLO: Final = 0xFE0D


@dataclass(frozen=True, slots=True)
class HelloDetails:
    """The parts of a hello, each in the client's order."""

    legacy_version: int
    session_id: bytes
    ciphers: tuple[int, ...]
    compressions: tuple[int, ...]
    extensions: tuple[tuple[int, bytes], ...]
    """(type, content)."""

    def extension(self, kind: int) -> bytes | None:
        """The content of the first extension of a type."""
        return next((content for each, content in self.extensions if each == kind), None)

    @property
    def groups(self) -> tuple[int, ...]:
        """supported_groups."""
        return _listed(self.extension(SUPPORTED_GROUPS))

    @property
    def signature_algorithms(self) -> tuple[int, ...]:
        """signature_algorithms."""
        return _listed(self.extension(SIGNATURE_ALGORITHMS))

    @property
    def point_formats(self) -> tuple[int, ...]:
        """ec_point_formats."""
        return tuple((self.extension(EC_POINT_FORMATS) or b"")[1:])

    @property
    def key_shares(self) -> tuple[int, ...]:
        """The groups of key_share; empty when its lengths do not add up."""
        content = self.extension(KEY_SHARE) or b""
        groups = []
        pos = 2
        while pos + 4 <= len(content):
            groups.append(int.from_bytes(content[pos : pos + 2]))
            pos += 4 + int.from_bytes(content[pos + 2 : pos + 4])
        return tuple(groups) if pos == len(content) else ()

    @property
    def greases(self) -> bool:
        """Whether the client sends GREASE (RFC 8701) among its ciphers or extensions."""
        return any(map(is_grease, self.ciphers)) or any(is_grease(kind) for kind, _ in self.extensions)


def read_details(body: bytes) -> HelloDetails:
    """The details of a ClientHello's body; raises BadHello where `hello.parse` does."""
    if not body:
        raise BadHello("no ClientHello")
    legacy_version = parse(body).legacy_version  # and every length up to the extensions' own is sound
    pos = 34
    parts = []
    for width in (1, 2, 1):
        size = int.from_bytes(body[pos : pos + width])
        pos += width + size
        parts.append(body[pos - size : pos])
    ciphers = unpack(f">{len(parts[1]) // 2}H", parts[1])
    return HelloDetails(legacy_version, parts[0], ciphers, tuple(parts[2]), _extensions(body, pos + 2))


def _extensions(body: bytes, pos: int) -> tuple[tuple[int, bytes], ...]:
    found = []
    while pos < len(body):
        size = int.from_bytes(body[pos + 2 : pos + 4])
        found.append((int.from_bytes(body[pos : pos + 2]), body[pos + 4 : pos + 4 + size]))
        pos += 4 + size
    return tuple(found)


def _listed(content: bytes | None) -> tuple[int, ...]:
    """A list of two-byte values behind its length; empty when that is not what the content is."""
    if not content or len(content) & 1 or int.from_bytes(content[:2]) != len(content) - 2:
        return ()
    return unpack(f">{len(content) // 2 - 1}H", content[2:])
