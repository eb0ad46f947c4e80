"""Names, hosts, addresses and tags: what is wrong with one, in Kong's words (`db/schema/typedefs.lua`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from ..conf.builders.names import compared, sni_mistake

TAG: Final = re.compile(r"[ !-+\-.0-~\u0080-\U0010ffff]+")
"""Printable, without `,` and `/`, which the filter of lists uses."""
NAME: Final = re.compile(r"[0-9A-Za-z.\-_~\u0080-\U0010ffff]+")
HOSTNAME: Final = re.compile(r"(?!-)[0-9A-Za-z_-]{1,63}(?<!-)(\.(?!-)[0-9A-Za-z_-]{1,63}(?<!-))*\.?")
DIGITS: Final = re.compile(r"[0-9.]+")
PATH: Final = re.compile(r"[A-Za-z0-9\-._~/%:@!$&'()*+,;=]*")
"""RFC 3986, 3.3."""
ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
LONGEST_HOST: Final = 253


@dataclass(frozen=True, slots=True)
class HostPort:
    """A host with what may follow it."""

    host: str
    """A name in lower case, or an address; IPv6 in full, without brackets."""
    kind: str
    """`name`, `ipv4` or `ipv6`."""
    port: int | None = None

    def text(self, port: int) -> str:
        """The host with its port, or with `port` where it has none."""
        host = f"[{self.host}]" if self.kind == "ipv6" else self.host
        return f"{host}:{port if self.port is None else self.port}"


def host_port(text: str) -> HostPort | None:
    """A name or an address with or without a port; None for anything else."""
    if text.startswith("["):
        inner, bracket, rest = text[1:].partition("]")
        return _v6(inner, rest) if bracket else None
    if text.count(":") > 1:
        return _v6(text, "")
    host, colon, written = text.partition(":")
    port = _port(written)
    if colon and port is None:
        return None
    if DIGITS.fullmatch(host):
        return HostPort(host, "ipv4", port) if _is_address(host) else None
    if len(host) > LONGEST_HOST or not HOSTNAME.fullmatch(host):
        return None
    return HostPort(host.lower(), "name", port)


def _v6(inner: str, rest: str) -> HostPort | None:
    try:
        address = ip_address(inner)
    except ValueError:
        return None
    if not isinstance(address, IPv6Address) or address.scope_id:
        return None
    port = _port(rest[1:]) if rest.startswith(":") else None
    if rest and port is None:
        return None
    return HostPort(address.exploded, "ipv6", port)


def _port(text: str) -> int | None:
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65535:
        return None
    return int(text)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def name_mistake(name: str) -> str:
    """Of an entity's name."""
    if NAME.fullmatch(name):
        return ""
    return f"invalid value '{name}': the only accepted ascii characters are alphanumerics or ., -, _, and ~"


def tag_mistake(tag: str) -> str:
    """Of a tag."""
    if TAG.fullmatch(tag):
        return ""
    return f"invalid tag '{tag}': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"


def host_mistake(host: str) -> str:
    """Of a host that stands without a port."""
    found = host_port(host)
    if found is None:
        return f"invalid value: {host}"
    return "must not have a port" if found.port is not None else ""


def host_maybe_port_mistake(host: str) -> str:
    """Of a host that may have a port."""
    return f"invalid value: {host}" if host_port(host) is None else ""


def server_name_mistake(name: str) -> str:
    """Of a route's SNI, which may have a wildcard."""
    reason = sni_mistake(compared(name))
    return f"invalid value: {name}" if reason.startswith("invalid value") else reason


def certificate_name_mistake(name: str) -> str:
    """Of a certificate's SNI, which may also be `*` alone."""
    return "" if name == "*" else server_name_mistake(name)


def network_mistake(text: str) -> str:
    """Of an address or a network."""
    try:
        if text[-1:].isspace() or text[:1].isspace() or "%" in text:
            raise ValueError
        ip_network(text, strict=False)
    except ValueError:
        return f"invalid ip or cidr range: '{text}'"
    return "" if "/" not in text or text.partition("/")[2].isdigit() else f"invalid ip or cidr range: '{text}'"


def path_mistake(path: str) -> str:
    """Of an HTTP path."""
    if not path.startswith("/"):
        return "should start with: /"
    if "//" in path:
        return "must not have empty segments"
    if not PATH.fullmatch(path):
        return f"invalid path: '{path}' (characters outside of the reserved list of RFC 3986 found)"
    if found := ESCAPE.search(path):
        return f"invalid url-encoded value: '{path[found.start() : found.start() + 3]}'"
    return ""
