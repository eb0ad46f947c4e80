"""Sockets of datagrams for the tests of a worker."""

from __future__ import annotations

import socket
from typing import Final

from workerbench import Bench

PROXIES: Final = "server { listen 127.0.0.1:%%PORT_a%% udp; proxy_pass 127.0.0.1:%%UP%%; }"


def datagrams(bench: Bench) -> socket.socket:
    """A client's socket on loopback, closed with the bench."""
    return bench.keep(upstream())


def upstream() -> socket.socket:
    """A peer's, non-blocking."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock
