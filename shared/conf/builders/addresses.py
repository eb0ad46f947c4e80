"""Addresses as nginx writes them: `HOST:PORT`, `[V6]:PORT`, `PORT`, `*:PORT`, `PORT-PORT`, `unix:PATH`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from ...model.address import Address, ipv4, ipv6, unix

MAX_UNIX_PATH: Final = 107
"""`sizeof(sun_path)` less the closing zero."""


class Kind(Enum):
    """What stands before the port."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    UNIX = "unix"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Written:
    """An address cut into its parts, names not yet resolved."""

    kind: Kind
    host: str
    """Numeric and normalised for an IP address, without brackets; the path of a unix socket."""
    port: int = 0
    """0: none was written."""
    last_port: int = 0
    """The end of a port range; `port` itself otherwise."""

    def at(self, port: int) -> Address:
        """The address with that port; only for what is not a name."""
        return numeric(self.host, port, self.kind)


def numeric(host: str, port: int, kind: Kind | None = None) -> Address:
    """The address of a host that is numeric (or a unix path, when `kind` says so)."""
    if kind is Kind.UNIX:
        return unix(host)
    return ipv6(host, port) if ":" in host else ipv4(host, port)


def parse_address(text: str, *, listen: bool = False) -> Written:
    """Cut an address; `listen` allows `PORT`, `*` and port ranges.

    Raises ValueError with nginx's words.
    """
    if text.startswith("unix:"):
        return _unix(text[5:])
    if text.startswith("["):
        return _ipv6(text, ranges=listen)
    return _host(text, listen)


def is_numeric(host: str) -> bool:
    """Whether `host` is an IP address rather than a name."""
    return _numeric_kind(host) is not None


def _unix(path: str) -> Written:
    if not path:
        raise ValueError("no path in the unix domain socket")
    if len(path.encode()) > MAX_UNIX_PATH:
        raise ValueError("too long path in the unix domain socket")
    return Written(Kind.UNIX, path)


def _ipv6(text: str, *, ranges: bool) -> Written:
    host, bracket, rest = text[1:].partition("]")
    if not bracket or not host or (rest and not rest.startswith(":")):
        raise ValueError("invalid host")
    first, last = _ports(rest[1:], ranges) if rest else (0, 0)
    try:
        return Written(Kind.IPV6, str(IPv6Address(host)), first, last)
    except AddressValueError:
        raise ValueError("invalid IPv6 address") from None


def _host(text: str, listen: bool) -> Written:
    if "/" in text or "?" in text:
        raise ValueError("invalid host")
    host, colon, rest = text.partition(":")
    if listen and not colon and host and all(part.isdecimal() for part in host.split("-", 1)):
        return Written(Kind.IPV4, "0.0.0.0", *_ports(host, ranges=True))
    first, last = _ports(rest, listen) if colon else (0, 0)
    if not host:
        raise ValueError("no host")
    if listen and host == "*":
        return Written(Kind.IPV4, "0.0.0.0", first, last)
    return Written(_numeric_kind(host) or Kind.NAME, host, first, last)


def _ports(text: str, ranges: bool) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not dash or not ranges:
        port = _port(text)
        return port, port
    span = _port(first), _port(last)
    if span[0] > span[1]:
        raise ValueError("invalid port range")
    return span


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not 1 <= int(text) <= 65535:
        raise ValueError("invalid port")
    return int(text)


def _numeric_kind(host: str) -> Kind | None:
    try:
        IPv4Address(host)
    except AddressValueError:
        pass
    else:
        return Kind.IPV4
    try:
        IPv6Address(host)
    except AddressValueError:
        return None
    return Kind.IPV6
