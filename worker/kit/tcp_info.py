"""What the kernel knows about a TCP connection (tcp(7), TCP_INFO)."""

from __future__ import annotations

import socket
from struct import Struct
from typing import Final

FIELDS: Final = ("rtt_us", "rttvar_us", "retransmits")
READ: Final = Struct("@68xII24xI").unpack_from
"""struct tcp_info of linux/tcp.h: tcpi_rtt, tcpi_rttvar, tcpi_total_retrans."""
SIZE: Final = 104


def tcp_info(sock: socket.SocketType | None) -> dict[str, int] | None:
    """Round-trip time and its variation in microseconds, and segments sent again; None for what is no TCP."""
    if sock is None:
        return None
    try:
        data = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SIZE)
    except (OSError, ValueError):
        return None
    return dict(zip(FIELDS, READ(data), strict=True)) if len(data) == SIZE else None
