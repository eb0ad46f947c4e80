"""Addresses of listeners and peers."""

from __future__ import annotations

from dataclasses import dataclass
from socket import AF_INET, AF_INET6, AF_UNIX

SockAddr = tuple[str, int] | tuple[str, int, int, int] | str


@dataclass(frozen=True, slots=True)
class Address:
    """A numeric IP address with its port, or the path of a unix socket (then `port` is 0)."""

    family: int
    host: str
    port: int = 0

    @property
    def sockaddr(self) -> SockAddr:
        """The form that `socket.bind` and `socket.connect` take."""
        if self.family == AF_UNIX:
            return self.host
        return (self.host, self.port)

    def __str__(self) -> str:
        """nginx's text: `127.0.0.1:80`, `[::1]:80`, `unix:/path`."""
        if self.family == AF_UNIX:
            return f"unix:{self.host}"
        if self.family == AF_INET6:
            return f"[{self.host}]:{self.port}"
        return f"{self.host}:{self.port}"


def ipv4(host: str, port: int) -> Address:
    """An IPv4 address from its parts."""
    return Address(AF_INET, host, port)


def ipv6(host: str, port: int) -> Address:
    """An IPv6 address from its parts; `host` without brackets."""
    return Address(AF_INET6, host, port)


def unix(path: str) -> Address:
    """A unix socket's address."""
    return Address(AF_UNIX, path)


def end_text(host: str, port: int) -> str:
    """nginx's text of one end of a connection; a unix socket's end is its host alone."""
    if not port:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
