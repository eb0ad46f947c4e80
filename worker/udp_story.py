"""The story of a datagrams' session before it proxies: limits, access, `return`, and the choice of a peer."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING, Final

from ..shared.model.address import end_text
from ..shared.view import Try
from .access import admitted
from .connect import (
    OUTCOME_INDEX,
    OWN_FAULT,
    drop_upstream,
    end_own_fault,
    ended_try,
    failed_at_once,
    proxy_header,
    tune,
)
from .kit import hooks
from .passing import choose_balancer

if TYPE_CHECKING:
    from .balance import Balancer
    from .peer import PeerState
    from .udp_session import UdpSession

DATAGRAM: Final = int(socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
ANSWERS: Final = select.EPOLLIN | select.EPOLLET
DGRAM_NIBBLE: Final = 2
"""PROXY protocol v2, section 2.2: the transport of byte 14 is 1 for STREAM, 2 for DGRAM."""


async def story(session: UdpSession) -> None:
    """From the first datagram until the session proxies, or until it is over."""
    target = session.target
    if target.says_info:
        log_begun(session)
    if not admitted(session):
        return
    if target.has_sets:
        for name, template in target.settings.sets:
            session.values[name] = template.render(session)
    if target.plugins:
        if not await hooks.preread(session):
            return
        target = session.target
    if target.reply is not None:
        text = target.reply.render(session).encode("utf-8", "surrogateescape")
        if not text or session.say(text):
            session.finish(200)
        return
    if target.balancer is None and target.template is None:
        session.error("only connections can be passed to another listener")
        session.refuse(500, "internal")
        return
    balancer = target.balancer or await choose_balancer(session)
    if balancer is None or not connect(session, balancer):
        return
    if target.says_info:
        log_connected(session)
    if target.plugins:
        hooks.connected(session)
    session.begin(header_of(session, target.proxy_protocol) if target.proxy_protocol else b"")


def connect(session: UdpSession, balancer: Balancer) -> bool:
    """Have a socket connected to a live peer; False when none could be had and the session is over (502).

    Connecting a datagram socket asks nobody: what fails here is our own side (no route, no descriptors).
    """
    target = session.target
    worker = session.listener.worker
    now = worker.reactor.now
    tries_left = min(target.next_tries or balancer.tries, balancer.tries) or 1  # as in nginx, nobody is tried twice
    tried = 0
    session.balancer = balancer
    while True:
        peer = balancer.pick(tried, session)
        if peer is None:
            session.tries.append(ended_try(balancer.upstream.name, now))
            session.error("no live upstreams while connecting to upstream")
            session.refuse(502, "no_peer")
            return False
        session.peer = peer
        attempt = Try(peer.text, now)
        session.tries.append(attempt)
        if balancer.timing:
            balancer.timed(peer, attempt)
        outcome, text = open_socket(session, peer)
        if not outcome:
            attempt.connect_time = 0.0
            worker.row[peer.counters] += 1  # CONNECT_OUTCOMES begins with ok
            if balancer.timing:
                balancer.timed(peer, attempt)
            return True
        if outcome == OWN_FAULT:
            return end_own_fault(session, balancer, peer, text)
        worker.row[peer.counters + OUTCOME_INDEX[outcome]] += 1
        attempt.outcome = outcome
        attempt.session_time = 0.0
        if balancer.timing:
            balancer.timed(peer, attempt)
        if text:
            session.error(text)
        drop_upstream(session)
        session.peer = None
        if balancer.free(peer, True, now):
            disabled = "upstream server temporarily disabled while connecting to upstream"
            target.log.warn(disabled + session.context(), session.number)
        tried |= peer.bit
        tries_left -= 1
        if not target.next_upstream or tries_left <= 0:
            session.refuse(502, "upstream_failed")
            return False


def open_socket(session: UdpSession, peer: PeerState) -> tuple[str, str]:
    """A socket that sends to the peer and hears only it; an outcome's word and the log's text where there is none."""
    try:
        session.upstream_sock = sock = socket.SocketType(peer.family, DATAGRAM, 0)
        if session.target.tuned and not tune(session, sock, peer):
            return OWN_FAULT, ""
        number = sock.connect_ex(peer.sockaddr)
    except (OSError, ValueError) as error:
        return "error", f"socket() or connect() failed ({error}) while connecting to upstream"
    if number:
        return failed_at_once(session, peer, number)
    session.listener.worker.reactor.watch(sock.fileno(), session.answered, ANSWERS)
    return "", ""


def header_of(session: UdpSession, version: int) -> bytes:
    """The PROXY header that goes before the first datagram; v1 has no word for UDP, and nginx writes TCP there."""
    header = proxy_header(session, version)
    if version == 2 and header[13]:
        header = header[:13] + bytes((header[13] & 0xF0 | DGRAM_NIBBLE,)) + header[14:]
    return header


def log_begun(session: UdpSession) -> None:
    """nginx's line at level info about a new client."""
    client = end_text(session.peer_addr, session.peer_port)
    session.target.log.info(f"udp client {client} connected to {session.listener.label}", session.number)


def log_connected(session: UdpSession) -> None:
    """nginx's line at level info once the upstream's socket stands."""
    sock = session.upstream_sock
    assert sock is not None
    name = sock.getsockname()
    ours = end_text(name[0], name[1]) if isinstance(name, tuple) else "unix:"
    session.target.log.info(f"udp proxy {ours} connected to {session.tries[-1].address}", session.number)
