"""The PROXY protocol, versions 1 and 2, as HAProxy's specification defines it: read, and built.

`parse` is given all bytes that have come so far, each time from the start, and keeps nothing between calls. HEADER is
final: the first `length` bytes are the header, what follows is the connection's own. MORE carries how many bytes are
worth the next look.
"""

from __future__ import annotations

from .proxy_header import NOT_PROXY, AddressPort, Outcome, ProxyHeader, Read, Tlv, more
from .proxy_v1 import PREFIX, build_v1, read_v1
from .proxy_v2 import LOCAL_HEADER, SIGNATURE, build_v2, read_v2

__all__ = ["LOCAL_HEADER", "AddressPort", "Outcome", "ProxyHeader", "Read", "Tlv", "build_v1", "build_v2", "parse"]


def parse(data: bytes | memoryview) -> Read:
    """Read the header that a connection begins with; never raises."""
    if type(data) is not bytes:
        data = bytes(data)
    if not data:
        return more(1)
    if data[0] == PREFIX[0]:
        return read_v1(data)
    if data[0] == SIGNATURE[0]:
        return read_v2(data)
    return NOT_PROXY
