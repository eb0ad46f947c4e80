"""What a server or the gateway listens on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from .address import Address
from .where import Where

NGX_LISTEN_BACKLOG: Final = 511
"""nginx's default backlog on Linux."""


class Mode(Enum):
    """How a listener looks at the first bytes of a connection."""

    SERVER = "server"
    """`listen` of a `server {}`: the server's own directives say."""
    SNIFF = "sniff"
    """`stream_listen ADDRESS`: TLS or plain, told apart by the first bytes."""
    TLS = "ssl"
    """`stream_listen ADDRESS ssl`: TLS only."""
    PLAIN = "plain"
    """`stream_listen ADDRESS plain`: never looks for TLS."""


@dataclass(frozen=True, slots=True)
class Keepalive:
    """`so_keepalive=`: on/off, or the three TCP timers (seconds; None leaves the system's)."""

    on: bool
    idle: int | None = None
    interval: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Listen:
    """One `listen` or `stream_listen` with its parameters; a port range gives one of these per port."""

    address: Address
    where: Where
    mode: Mode = Mode.SERVER
    ssl: bool = False
    udp: bool = False
    proxy_protocol: bool = False
    default_server: bool = False
    bind: bool = False
    reuseport: bool = False
    backlog: int = NGX_LISTEN_BACKLOG
    rcvbuf: int | None = None
    sndbuf: int | None = None
    deferred: bool = False
    fastopen: int | None = None
    ipv6only: bool = True
    multipath: bool = False
    so_keepalive: Keepalive | None = None
    starttls: str = ""
    """`starttls=`: the protocol in which clients ask for TLS."""
    options: bool = field(default=False, compare=False)
    """Whether anything was said about the socket itself, be it what holds anyway: one server of an address may."""

    @property
    def label(self) -> str:
        """The `listener` label of the metrics: the address as nginx writes it, after `udp:` where that is the socket's
        kind, since an address may be listened on for both."""
        return f"udp:{self.address}" if self.udp else str(self.address)
