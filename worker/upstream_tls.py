"""Names in the upstream's TLS: which is sent as SNI, which its certificate is checked against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..shared.upstream_name import UpstreamName
from ..shared.upstream_name import upstream_name as name_for
from .name_match import matches

if TYPE_CHECKING:
    from .peer import PeerState
    from .session import Session


def upstream_name(session: Session, peer: PeerState) -> UpstreamName:
    """What a session sends to a peer, and what it checks."""
    target = session.target
    upstream = target.balancer.upstream if target.balancer is not None else None
    host = peer.peer.host or peer.text.rpartition(":")[0]
    return name_for(session, target.settings.upstream_tls, target.route, upstream, host)


def check_upstream(session: Session, name: str) -> str:
    """Compare the verified certificate with the name; an empty text, or nginx's sentence."""
    stream = session.upstream_stream
    assert stream is not None
    certificate = stream.tls.getpeercert()
    if certificate and matches(certificate, name):
        return ""
    return f'upstream SSL certificate does not match "{name}"'
