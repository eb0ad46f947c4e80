"""What a connection knows and Python's `ssl` does not tell: the curve agreed on, what the client offered.

Texts are nginx's: names with `:` between them, numbers in hexadecimal where OpenSSL knows no name. None is for a
connection that is closed, or a Python that does not let us look.
"""

from __future__ import annotations

import ctypes
import ssl
from collections.abc import Callable
from ctypes import c_int, c_void_p
from typing import Final

from .pointers import checked, connection_pointer, unavailable

GET_GROUPS: Final = 90
GET_RAW_CIPHERS: Final = 110
GET_NEGOTIATED_GROUP: Final = 134
"""SSL_CTRL_*."""
UNKNOWN_NID: Final = 0x1000000
"""TLSEXT_nid_unknown: the rest is the number of the group."""
MAX_GROUPS: Final = 1 << 15

Connection = ssl.SSLSocket | ssl.SSLObject
Tell = Callable[[Connection], str | None]


def curve(tls: Connection) -> str | None:
    """The group of the key exchange."""
    pointer = _pointer(tls)
    nid = checked().ssl_ctrl(pointer, GET_NEGOTIATED_GROUP, 0, None) if pointer else 0
    return _group(nid) if nid else None


def curves(tls: Connection) -> str | None:
    """The groups that the client supports."""
    pointer = _pointer(tls)
    if not pointer:
        return None
    library = checked()
    count = library.ssl_ctrl(pointer, GET_GROUPS, 0, None)
    if not 0 < count <= MAX_GROUPS:
        return None
    nids = (c_int * count)()
    if library.ssl_ctrl(pointer, GET_GROUPS, 0, nids) != count:
        return None
    return ":".join(map(_group, nids))


def ciphers(tls: Connection) -> str | None:
    """The cipher suites that the client supports."""
    pointer = _pointer(tls)
    if not pointer:
        return None
    library = checked()
    raw = c_void_p()
    size = library.ssl_ctrl(pointer, GET_RAW_CIPHERS, 0, ctypes.byref(raw))
    if size <= 0 or not raw.value:
        return None
    suites = ctypes.string_at(raw.value, size)
    names = []
    for at in range(0, size - 1, 2):
        known = library.cipher_find(pointer, raw.value + at)
        names.append(library.cipher_name(known).decode() if known else f"0x{suites[at : at + 2].hex()}")
    return ":".join(names)


def _pointer(tls: Connection) -> int | None:
    return None if unavailable() else connection_pointer(tls)


def _group(nid: int) -> str:
    """OpenSSL's short name of a group."""
    return f"0x{nid & 0xFFFF:04x}" if nid & UNKNOWN_NID else str(checked().nid_name(nid).decode())
