"""What variables, maps and log lines may read off a session: the seam between `shared` and `worker`."""

from __future__ import annotations

import ssl
from typing import ClassVar, Protocol

from .hello import ClientHello
from .model.address import Address
from .proxy_protocol import ProxyHeader


class Try:
    """One attempt to reach a peer. Times are seconds since the attempt began; None until they are known."""

    __slots__ = ("address", "connect_time", "first_byte_time", "outcome", "received", "sent", "session_time", "started")

    def __init__(self, address: str, started: float) -> None:
        self.address = address
        """nginx's text of the peer's address; the upstream's name when no peer was live."""
        self.started = started
        self.connect_time: float | None = None
        self.first_byte_time: float | None = None
        self.session_time: float | None = None
        self.sent = 0
        """Bytes sent to the peer."""
        self.received = 0
        self.outcome = ""
        """A word: `ok`, `refused`, `timeout`, `tls`, `error`; empty while it is under way."""


class SessionView(Protocol):
    """A session as its variables see it. Everything is cheap to read; nothing is computed before it is asked for."""

    protocol: ClassVar[str]
    """`TCP` or `UDP`."""
    number: int
    """`$connection`, counted from 1."""
    remote_addr: str
    """The client, after PROXY protocol and `set_real_ip_from`; `unix:` for a unix socket's client."""
    remote_port: int
    peer_addr: str
    """The address that `accept` gave (`$realip_remote_addr`)."""
    peer_port: int
    status: int
    """nginx's session status; 0 while it runs."""
    tries: list[Try]
    proxy: ProxyHeader | None
    """The PROXY header received."""
    hello: ClientHello | None
    """What preread found."""
    tls: ssl.SSLObject | None
    """The client's side, once its handshake is done."""
    refusal: str
    """The word of why the session was refused, or empty."""
    values: dict[str, str]
    """Values of `set`, maps and captures of this session."""

    @property
    def received(self) -> int:
        """Bytes from the client."""

    @property
    def sent(self) -> int:
        """Bytes to the client."""

    @property
    def server_name(self) -> str:
        """The name of the server that took the session."""

    @property
    def route_name(self) -> str:
        """The route's name, once there is one."""

    @property
    def service_name(self) -> str:
        """The service's name, once there is one."""

    @property
    def local(self) -> Address:
        """The address the client connected to."""

    def elapsed(self) -> float:
        """Seconds since the session was accepted."""
