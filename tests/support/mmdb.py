"""Writes small MaxMind DB files (https://maxmind.github.io/MaxMind-DB/): what a test says of a few networks."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Final, NamedTuple

MARKER: Final = b"\xab\xcd\xefMaxMind.com"
DOUBLE: Final = 3
TEXT: Final = 2
UINT16: Final = 5
UINT32: Final = 6
MAP: Final = 7
UINT64: Final = 9
ARRAY: Final = 11
SEPARATOR: Final = 16
"""Bytes between the tree and the data."""


class Number(NamedTuple):
    """A number of one of the format's kinds: readers insist on those of the metadata."""

    kind: int
    value: int


def mmdb(places: Mapping[str, object], version: int = 6) -> bytes:
    """A database that has these records for these networks, which must not lie in one another."""
    data = b""
    nodes: list[list[object]] = [[None, None]]
    for network, record in places.items():
        insert(nodes, bits(network, version), len(data))
        data += encoded(record)
    count = len(nodes)
    tree = b"".join(word(child, count) for node in nodes for child in node)
    metadata = {
        "binary_format_major_version": Number(UINT16, 2),
        "binary_format_minor_version": Number(UINT16, 0),
        "build_epoch": Number(UINT64, 1_700_000_000),
        "database_type": "Test",
        "description": {"en": "a test's"},
        "ip_version": Number(UINT16, version),
        "languages": ["en"],
        "node_count": Number(UINT32, count),
        "record_size": Number(UINT16, 24),
    }
    return tree + bytes(SEPARATOR) + data + MARKER + encoded(metadata)


def bits(network: str, version: int) -> str:
    """The path to a network; IPv4 lies in ::/96 of a tree for IPv6."""
    net = ip_network(network)
    width = net.max_prefixlen
    path = f"{int(net.network_address):0{width}b}"[: net.prefixlen]
    return "0" * 96 + path if (net.version, version) == (4, 6) else path


def insert(nodes: list[list[object]], path: str, offset: int) -> None:
    """Hang a record at the end of a path; a node's child is a node's number, or a record's offset as text."""
    at = 0
    for bit in path[:-1]:
        child = nodes[at][int(bit)]
        if child is None:
            nodes.append([None, None])
            child = nodes[at][int(bit)] = len(nodes) - 1
        assert isinstance(child, int)
        at = child
    nodes[at][int(path[-1])] = str(offset)


def word(child: object, count: int) -> bytes:
    """24 bits: a node, nothing, or a record."""
    if child is None:
        value = count
    elif isinstance(child, int):
        value = child
    else:
        value = count + SEPARATOR + int(str(child))
    return value.to_bytes(3, "big")


def encoded(value: object) -> bytes:
    """A value with its kind and size."""
    if isinstance(value, str):
        text = value.encode()
        return control(TEXT, len(text)) + text
    if isinstance(value, float):
        return control(DOUBLE, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        return encoded(Number(UINT32, value))
    if isinstance(value, Number):
        number = value.value.to_bytes((value.value.bit_length() + 7) // 8, "big")
        return control(value.kind, len(number)) + number
    if isinstance(value, Mapping):
        pairs = b"".join(encoded(str(key)) + encoded(each) for key, each in value.items())
        return control(MAP, len(value)) + pairs
    assert isinstance(value, list)
    return control(ARRAY, len(value)) + b"".join(map(encoded, value))


def control(kind: int, size: int) -> bytes:
    """The bytes before a value; sizes up to 284."""
    low, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    if kind > 7:
        return bytes([low, kind - 7]) + more
    return bytes([kind << 5 | low]) + more
