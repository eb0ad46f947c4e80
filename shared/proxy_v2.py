"""The PROXY protocol's version 2: binary (specification, section 2.2).

A signature of 12 bytes, version and command, family and transport, a length, two addresses, extensions (TLV). What a
stream cannot come from (datagrams, no family) leaves the endpoints unknown, as in nginx and HAProxy.
"""

from __future__ import annotations

from collections.abc import Iterable
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from struct import Struct
from typing import Final

from .proxy_header import NOT_PROXY, AddressPort, Outcome, ProxyHeader, Read, Tlv, Tlvs, malformed, more, read_tlvs
from .proxy_v1 import same_family

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
FIXED: Final = 16
"""Bytes before the addresses."""
MAX_HEADER: Final = 4096
"""nginx's limit; a certificate's name and a cipher fit many times."""

VERSION: Final = 0x20
LOCAL: Final = 0x0
PROXY: Final = 0x1
STREAM: Final = 0x1

UNSPEC: Final = 0x0
INET: Final = 0x1
INET6: Final = 0x2
UNIX: Final = 0x3
ADDRESSES: Final = {UNSPEC: 0, INET: 12, INET6: 36, UNIX: 216}
"""Bytes of both addresses with their ports, by family."""

LOCAL_HEADER: Final = SIGNATURE + bytes((VERSION | LOCAL, 0, 0, 0))
"""What a proxy sends for a connection of its own, such as a health check."""

_PORTS: Final = Struct(">HH")
_POLYNOMIAL: Final = 0x82F63B78
"""Castagnoli's, reflected (RFC 3720 B.4)."""


def read_v2(data: bytes) -> Read:
    """Read a header at the start of `data`."""
    if data[: len(SIGNATURE)] != SIGNATURE:
        return more(len(data) + 1) if SIGNATURE.startswith(data) else NOT_PROXY
    if len(data) < FIXED:
        return more(FIXED)
    version, command = data[12] & 0xF0, data[12] & 0x0F
    family, transport = data[13] >> 4, data[13] & 0x0F
    length = FIXED + (data[14] << 8 | data[15])
    if version != VERSION or command not in {LOCAL, PROXY}:
        return malformed(f"version 2 with version and command {data[12]:#04x}")
    if length > MAX_HEADER:
        return malformed(f"version 2 header of {length} bytes where {MAX_HEADER} are the limit")
    if command == PROXY and (family not in ADDRESSES or transport > 2):
        return malformed(f"version 2 with family and transport {data[13]:#04x}")
    if len(data) < length:
        return more(length)
    if command == LOCAL:  # whatever else it says is to be ignored
        return Read(Outcome.HEADER, ProxyHeader(2, length))
    return _proxied(data[:length], family, transport)


def _proxied(header: bytes, family: int, transport: int) -> Read:
    start = FIXED + ADDRESSES[family]
    if len(header) < start:
        return malformed(f"version 2 header of {len(header)} bytes, too short for its addresses")
    tlvs = read_tlvs(header[start:])
    if tlvs is None:
        return malformed("version 2 with extensions that do not end where the header does")
    if not _crc_fits(header, start, tlvs):
        return malformed("version 2 with a wrong checksum")
    found = ProxyHeader(2, len(header), tlvs=tlvs)
    if transport == STREAM and family != UNSPEC:
        _set_addresses(found, family, header[FIXED:start])
    return Read(Outcome.HEADER, found)


def _set_addresses(found: ProxyHeader, family: int, both: bytes) -> None:
    if family == UNIX:
        found.source_addr, found.destination_addr = _path(both[:108]), _path(both[108:])
        return
    af, size = (AF_INET, 4) if family == INET else (AF_INET6, 16)
    found.source_addr = inet_ntop(af, both[:size])
    found.destination_addr = inet_ntop(af, both[size : 2 * size])
    found.source_port, found.destination_port = _PORTS.unpack_from(both, 2 * size)


def _path(content: bytes) -> str:
    return "unix:" + content.partition(b"\0")[0].decode("utf-8", "backslashreplace")


def _crc_fits(header: bytes, start: int, tlvs: Tlvs) -> bool:
    """Whether a checksum, if there is one, is that of the header with the checksum's own bytes zero."""
    pos = start
    for kind, value in tlvs:
        pos += 3
        if kind == Tlv.CRC32C:
            if len(value) != 4:
                return False
            blank = header[:pos] + bytes(4) + header[pos + 4 :]
            return crc32c(blank) == int.from_bytes(value)
        pos += len(value)
    return True


def build_v2(
    source: AddressPort, destination: AddressPort, tlvs: Iterable[tuple[int, bytes]] = (), checksum: bool = False
) -> bytes:
    """The header that says who speaks to whom. What is no IP address (a unix socket) gives the family UNSPEC."""
    family, addresses = UNSPEC, b""
    if (pair := same_family(source[0], destination[0])) is not None:
        family, af = (INET6, AF_INET6) if ":" in pair[0] else (INET, AF_INET)
        addresses = inet_pton(af, pair[0]) + inet_pton(af, pair[1]) + _PORTS.pack(source[1], destination[1])
    content = addresses + b"".join(_tlv(kind, value) for kind, value in tlvs)
    if checksum:
        content += _tlv(Tlv.CRC32C, bytes(4))
    kind = family << 4 | STREAM if family else 0
    header = SIGNATURE + bytes((VERSION | PROXY, kind)) + len(content).to_bytes(2) + content
    return header[:-4] + crc32c(header).to_bytes(4) if checksum else header


def _tlv(kind: int, value: bytes) -> bytes:
    return bytes((kind,)) + len(value).to_bytes(2) + value


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720 B.4, which zlib does not have; 50 ns a byte, on headers of a hundred."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()
