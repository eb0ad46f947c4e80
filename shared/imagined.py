"""A connection that nobody made, for explanations: what variables and conditions would read off a real one."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import ClassVar

from .hello import ClientHello, normal_name
from .model.address import Address
from .proxy_header import AddressPort
from .proxy_protocol import ProxyHeader
from .view import Try

TLS12, TLS13 = 0x0303, 0x0304


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about."""

    tls: bool
    sni: str | None
    alpn: tuple[str, ...]
    source: AddressPort
    destination: AddressPort
    """What the client connects to, as it sees it; an empty host means the first listener with that port."""


@dataclass(slots=True)
class Imagined:
    """A SessionView of a question."""

    protocol: ClassVar[str] = "TCP"

    question: Question
    local: Address
    remote_addr: str = ""
    remote_port: int = 0
    peer_addr: str = ""
    peer_port: int = 0
    number: int = 0
    status: int = 0
    tries: list[Try] = field(default_factory=list)
    proxy: ProxyHeader | None = None
    hello: ClientHello | None = None
    tls: ssl.SSLObject | None = None
    refusal: str = ""
    values: dict[str, str] = field(default_factory=dict)
    received: int = 0
    sent: int = 0
    server_name: str = ""
    route_name: str = ""
    service_name: str = ""

    def __post_init__(self) -> None:
        self.remote_addr, self.remote_port = self.peer_addr, self.peer_port = self.question.source

    def elapsed(self) -> float:
        """No time passes."""
        return 0.0

    def greet(self) -> None:
        """Let the hello be known, as preread does."""
        if self.question.tls:
            self.hello = ClientHello(self.question.sni, self.question.alpn, TLS12, (TLS13, TLS12))

    @property
    def name(self) -> str | None:
        """The SNI as it is compared."""
        return normal_name(self.question.sni) if self.question.tls and self.question.sni else None
