"""A session as variables see it, with whatever values a test wants."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import ClassVar, Final

from penstock.shared.hello import ClientHello
from penstock.shared.model.address import Address, ipv4
from penstock.shared.proxy_header import ProxyHeader
from penstock.shared.sources import sources
from penstock.shared.view import Try

NOON: Final = 1795608000.25
"""2026-11-25 12:00:00.250 UTC."""


@dataclass
class Viewed:
    """A session that was accepted, and nothing more."""

    protocol: ClassVar[str] = "TCP"
    number: int = 1
    remote_addr: str = "127.0.0.1"
    remote_port: int = 40000
    peer_addr: str = "127.0.0.1"
    peer_port: int = 40000
    status: int = 200
    received: int = 0
    sent: int = 0
    tries: list[Try] = field(default_factory=list)
    proxy: ProxyHeader | None = None
    hello: ClientHello | None = None
    tls: ssl.SSLObject | None = None
    server_name: str = ""
    route_name: str = ""
    service_name: str = ""
    refusal: str = ""
    values: dict[str, str] = field(default_factory=dict)
    local: Address = field(default_factory=lambda: ipv4("127.0.0.1", 443))
    age: float = 0.0

    def elapsed(self) -> float:
        return self.age


def terminated(side: ssl.SSLObject, hello: ClientHello | None = None) -> Viewed:
    """A session whose TLS ended here; an SSLObject answers the same questions as an SSLSocket."""
    return Viewed(tls=side, hello=hello)


def attempt(address: str, connect: float | None = None, first: float | None = None, whole: float | None = None) -> Try:
    """A try with its times."""
    tried = Try(address, 0.0)
    tried.connect_time, tried.first_byte_time, tried.session_time = connect, first, whole
    return tried


def at_noon() -> None:
    """Let this process's variables see one moment, one pid and one host."""
    sources.install(now=lambda: NOON, pid=lambda: 4711, hostname="Gate.Example")
