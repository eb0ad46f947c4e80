"""Fingerprints of TLS clients by their hello: JA3 and JA4.

JA3 (Salesforce's README, 2017): MD5 of five lists in the client's order. JA4 (FoxIO's technical details of JA4, 2023):
a readable part, then hashes of the ciphers and of the extensions, both sorted, so that a client that shuffles its
extensions stays the same. GREASE (RFC 8701) is left out of everything.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from hashlib import md5, sha256
from typing import Final

from .hello import ALPN, SERVER_NAME, SUPPORTED_VERSIONS, is_grease
from .hello_details import HelloDetails

VERSIONS: Final = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}
MOST: Final = 99
"""The largest number that two digits show."""
HASH_LENGTH: Final = 12
NOTHING: Final = "0" * HASH_LENGTH
ALPHANUMERIC: Final = frozenset((string.ascii_letters + string.digits).encode())


def ja3_text(details: HelloDetails) -> str:
    """JA3 before it is hashed: version, ciphers, extensions, groups, point formats."""
    lists = (
        _sent(details.ciphers),
        _sent(kind for kind, _ in details.extensions),
        _sent(details.groups),
        details.point_formats,
    )
    return ",".join((str(details.legacy_version), *("-".join(map(str, each)) for each in lists)))


def ja3(details: HelloDetails) -> str:
    """JA3: 32 hexadecimal digits."""
    return md5(ja3_text(details).encode(), usedforsecurity=False).hexdigest()


def ja4(details: HelloDetails, transport: str = "t") -> str:
    """JA4, `t13d1516h2_8daaf6152771_e5627efa2ab1`."""
    ciphers = list(_sent(details.ciphers))
    kinds = [kind for kind, _ in details.extensions if not is_grease(kind)]
    first = (
        f"{transport}{VERSIONS.get(_version(details), '00')}{'d' if SERVER_NAME in kinds else 'i'}"
        f"{min(len(ciphers), MOST):02}{min(len(kinds), MOST):02}{_alpn_mark(details)}"
    )
    hashed = ",".join(sorted(_hex(kind for kind in kinds if kind not in (SERVER_NAME, ALPN))))
    algorithms = ",".join(_hex(_sent(details.signature_algorithms)))
    if algorithms:
        hashed += f"_{algorithms}"
    return f"{first}_{_hash(','.join(sorted(_hex(ciphers))))}_{_hash(hashed) if kinds else NOTHING}"


def _sent(values: Iterable[int]) -> Iterable[int]:
    return (value for value in values if not is_grease(value))


def _hex(values: Iterable[int]) -> list[str]:
    return [f"{value:04x}" for value in values]


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:HASH_LENGTH] if text else NOTHING


def _version(details: HelloDetails) -> int:
    content = details.extension(SUPPORTED_VERSIONS)
    if content is None:
        return details.legacy_version
    offered = [int.from_bytes(content[at : at + 2]) for at in range(1, len(content) - 1, 2)]
    return max(_sent(offered), default=0)


def _alpn_mark(details: HelloDetails) -> str:
    """The first and the last character of the first protocol, or of its hexadecimal form where they are none."""
    protocol = _first_protocol(details.extension(ALPN) or b"")
    if not protocol:
        return "00"
    if protocol[0] in ALPHANUMERIC and protocol[-1] in ALPHANUMERIC:
        return chr(protocol[0]) + chr(protocol[-1])
    digits = protocol.hex()
    return digits[0] + digits[-1]


def _first_protocol(content: bytes) -> bytes:
    at = 2
    while at < len(content):
        protocol = content[at + 1 : at + 1 + content[at]]
        if len(protocol) != 2 or not is_grease(int.from_bytes(protocol)):
            return protocol
        at += 1 + content[at]
    return b""
