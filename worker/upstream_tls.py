"""Names in the upstream's TLS: which is sent as SNI, which its certificate is checked against."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from .name_match import matches

if TYPE_CHECKING:
    from .peer import PeerState
    from .session import Session


class UpstreamName(NamedTuple):
    """What to send and what to check; None sends none."""

    sni: str | None
    verify: str


def upstream_name(session: Session, peer: PeerState) -> UpstreamName:
    """`proxy_ssl_name` or its default, and whether it may be sent: an IP address never is (RFC 6066, section 3).

    A route with `preserve_host` speaks the client's own name to the upstream (Kong: upstream SNI).
    """
    target = session.target
    settings = target.settings.upstream_tls
    route = target.route
    if settings.name is not None:
        name = settings.name.render(session)
    elif route is not None and route.service is not None:
        name = route.service.host
    elif target.balancer is not None and not target.balancer.upstream.implicit:
        name = target.balancer.upstream.name
    else:
        name = peer.peer.host or peer.text.rpartition(":")[0]
    if route is not None and route.preserve_host and session.hello is not None and session.hello.name:
        name = session.hello.name
    name = without_port(name).removesuffix(".")
    return UpstreamName(name if settings.server_name and name and not is_address(name) else None, name)


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


def check_upstream(session: Session, name: str) -> str:
    """Compare the verified certificate with the name; an empty text, or nginx's sentence."""
    stream = session.upstream_stream
    assert stream is not None
    certificate = stream.tls.getpeercert()
    if certificate and matches(certificate, name):
        return ""
    return f'upstream SSL certificate does not match "{name}"'
