"""The name that an upstream's TLS is asked for as SNI and checked against."""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple

from .model.stream import Route
from .model.tls import UpstreamTls
from .model.upstream import Peer, Upstream
from .view import SessionView


class UpstreamName(NamedTuple):
    """What to send and what to check; None sends none."""

    sni: str | None
    verify: str


def upstream_name(
    session: SessionView, tls: UpstreamTls, route: Route | None, upstream: Upstream | None, host: str
) -> UpstreamName:
    """`proxy_ssl_name` or its default, and whether it may be sent: an IP address never is (RFC 6066, section 3).

    `host` is the peer's, for an upstream that is no block. A route with `preserve_host` speaks the client's own name
    to the upstream (Kong: upstream SNI).
    """
    if tls.name is not None:
        name = tls.name.render(session)
    elif upstream is not None and upstream.host_header is not None:
        name = upstream.host_header or host
    elif route is not None and route.service is not None:
        name = route.service.host
    elif upstream is not None and not upstream.implicit:
        name = upstream.name
    else:
        name = host
    if route is not None and route.preserve_host and session.hello is not None and session.hello.name:
        name = session.hello.name
    name = without_port(name).removesuffix(".")
    return UpstreamName(name if tls.server_name and name and not is_address(name) else None, name)


def host_of(peer: Peer) -> str:
    """The host part of a peer as written."""
    return peer.host or peer.name.rpartition(":")[0]


def without_port(name: str) -> str:
    """`host:443` and `[::1]:443` without the port."""
    if name.startswith("["):
        return name[1:].partition("]")[0]
    host, colon, port = name.rpartition(":")
    return host if colon and port.isdigit() and ":" not in host else name


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
