"""Reaching the upstream: choose a peer, connect, speak PROXY and TLS, and try the next peer when that fails."""

from __future__ import annotations

import errno
import os
import select
import socket
from typing import TYPE_CHECKING, Final

from ..shared.proxy_protocol import build_v1, build_v2
from ..shared.view import Try
from ..shared.words import CONNECT_OUTCOMES
from .handshake import TIMED_OUT, connect_tls
from .local_address import bind_local
from .starttls import open_upstream
from .upstream_tls import check_upstream, upstream_name
from .waiting import TIMEOUT, event

if TYPE_CHECKING:
    from .balance import Balancer
    from .peer import PeerState
    from .session import Session

STREAM: Final = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
AF_UNIX: Final = int(socket.AF_UNIX)
IPPROTO_TCP: Final = int(socket.IPPROTO_TCP)
TCP_NODELAY: Final = socket.TCP_NODELAY
EINPROGRESS: Final = errno.EINPROGRESS
ETIMEDOUT: Final = errno.ETIMEDOUT
UNDER_WAY: Final = (EINPROGRESS, 0)
"""connect(2) of a unix socket is done at once."""
NETWORK: Final = frozenset(
    getattr(errno, name)
    for name in ("ECONNREFUSED", "EAGAIN", "ECONNRESET", "ENETDOWN", "ENETUNREACH", "EHOSTDOWN", "EHOSTUNREACH")
)
"""What nginx takes for an ordinary failure of connect(2); anything else is critical."""
FAULT: Final = select.EPOLLERR | select.EPOLLHUP
OWN_FAULT: Final = "own fault"
"""No outcome of a peer's: what was to be sent to it is not there."""
OUTCOME_INDEX: Final = {word: index for index, word in enumerate(CONNECT_OUTCOMES)}


async def connect(session: Session, balancer: Balancer) -> bool:
    """Connect to a live peer of `balancer`; False when none could be had and the session is over (502).

    On success `session.upstream_sock` stands and is watched, PROXY header and TLS handshake included.
    """
    target = session.target
    worker = session.listener.worker
    reactor = worker.reactor
    tries_left = min(target.next_tries or balancer.tries, balancer.tries) or 1  # as in nginx, nobody is tried twice
    give_up = reactor.now + target.next_timeout if target.next_timeout else 0.0
    tried = 0
    session.balancer = balancer
    while True:
        peer = balancer.pick(tried, session)
        if peer is None:
            session.tries.append(ended_try(balancer.upstream.name, reactor.now))
            session.error("no live upstreams while connecting to upstream")
            session.refuse(502, "no_peer")
            return False
        session.peer = peer
        attempt = Try(peer.text, reactor.now)
        session.tries.append(attempt)
        if balancer.timing:
            balancer.timed(peer, attempt)
        number, outcome, text = begin(session, peer)
        if number == EINPROGRESS:
            mask = await event()
            session.upstream_edges = mask
            number = ETIMEDOUT if mask == TIMEOUT else fault(session) if mask & FAULT else 0
        if number:
            outcome, text = failure(number)
        elif not outcome:
            worker.upstream_connect.observe(worker.row, reactor.now - attempt.started)
            if target.eager:
                outcome, text = greet(session, peer, attempt)
            if not outcome and session.opening is not None:
                outcome, text = await open_upstream(session)
            if not outcome and target.upstream_context is not None:
                outcome, text = await attempt_tls(session, peer)
            if not outcome:
                attempt.connect_time = reactor.now - attempt.started  # its TLS included, as in nginx
                worker.row[peer.counters] += 1  # CONNECT_OUTCOMES begins with ok
                if peer.fails:
                    balancer.connected(peer)
                if peer.health is not None:
                    peer.health.succeeded()
                if balancer.timing:
                    balancer.timed(peer, attempt)
                return True
        if outcome == OWN_FAULT:
            return end_own_fault(session, balancer, peer, text)
        worker.row[peer.counters + OUTCOME_INDEX[outcome]] += 1
        attempt.outcome = outcome
        attempt.session_time = reactor.now - attempt.started
        if balancer.timing:
            balancer.timed(peer, attempt)
        if text:
            session.error(text)
        drop_upstream(session)
        session.peer = None
        if peer.health is not None:
            peer.health.failed(peer.text, outcome)
        if balancer.free(peer, True, reactor.now):
            doing = text.rpartition(" while ")[2] or "connecting to upstream"
            target.log.warn(f"upstream server temporarily disabled while {doing}{session.context()}", session.number)
        tried |= peer.bit
        tries_left -= 1
        if not target.next_upstream or tries_left <= 0 or (give_up and reactor.now >= give_up):
            session.refuse(502, "upstream_tls" if outcome == "tls" else "upstream_failed")
            return False


def end_own_fault(session: Session, balancer: Balancer, peer: PeerState, text: str) -> bool:
    """End the session with 500, and hold it against no peer."""
    attempt, now = session.tries[-1], session.listener.worker.reactor.now
    attempt.outcome = "error"
    attempt.session_time = now - attempt.started
    if text:
        session.error(text)
    drop_upstream(session)
    session.peer = None
    balancer.free(peer, False, now)
    session.refuse(500, "internal")
    return False


def begin(session: Session, peer: PeerState) -> tuple[int, str, str]:
    """Begin to connect: connect(2)'s errno, or an outcome's word and the log's text where it came to no connect."""
    target = session.target
    session.upstream_edges = 0
    try:
        session.upstream_sock = sock = socket.SocketType(peer.family, STREAM, 0)
    except OSError as error:
        return 0, "error", f"socket() failed ({error.errno}: {error.strerror}) while connecting to upstream"
    if target.tuned and not tune(session, sock, peer):
        return 0, OWN_FAULT, ""
    if target.says_debug:
        target.log.debug(f"connect to {peer.text}, fd:{sock.fileno()}", session.number)
    try:
        number = sock.connect_ex(peer.sockaddr)
    except (OSError, ValueError) as error:  # Python's own refusal: a path that is too long for an address
        return 0, "error", f"connect() failed ({error}) while connecting to upstream"
    if number not in UNDER_WAY:
        return 0, *failed_at_once(session, peer, number)
    session.listener.worker.reactor.watch(sock.fileno(), session.step)
    session.limit(target.connect_timeout)
    return number, "", ""


def failed_at_once(session: Session, peer: PeerState, number: int) -> tuple[str, str]:
    """The outcome and text of a connect that our kernel refused; what no network does is told here, as critical."""
    outcome = failure(number)[0]
    text = f"connect() to {peer.text} failed ({number}: {os.strerror(number)}) while connecting to upstream"
    if number in NETWORK:
        return outcome, text
    session.target.log.crit(text + session.context(), session.number)
    return outcome, ""


def fault(session: Session) -> int:
    """The errno of a connect that failed, or 0."""
    assert session.upstream_sock is not None
    return session.upstream_sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def failure(number: int) -> tuple[str, str]:
    """An errno as an outcome's word and nginx's text."""
    outcome = {errno.ECONNREFUSED: "refused", ETIMEDOUT: "timeout"}.get(number, "error")
    what = "upstream timed out" if number == ETIMEDOUT else "connect() failed"
    return outcome, f"{what} ({number}: {os.strerror(number)}) while connecting to upstream"


def greet(session: Session, peer: PeerState, attempt: Try) -> tuple[str, str]:
    """What a connection that stands gets first: TCP_NODELAY, the PROXY header. An outcome and a text, or empty ones."""
    target, sock = session.target, session.upstream_sock
    assert sock is not None
    if target.nodelay and peer.family != AF_UNIX:
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    if target.proxy_protocol:
        # the socket is new: its buffer takes a header of 107 or 52 bytes whole
        try:
            attempt.sent += sock.send(proxy_header(session, target.proxy_protocol), socket.MSG_DONTWAIT)
        except OSError as error:  # it took the connection and was gone
            return "error", f"send() failed ({error.errno}: {error.strerror}) while sending PROXY protocol to upstream"
    return "", ""


async def attempt_tls(session: Session, peer: PeerState) -> tuple[str, str]:
    """The TLS part of a try: an outcome's word and a text, or two empty ones."""
    target, sock = session.target, session.upstream_sock
    assert sock is not None
    assert target.upstream_context is not None
    name = upstream_name(session, peer)
    settings = target.settings.upstream_tls
    sessions = target.upstream_sessions
    key = (peer.text, name.sni)
    resumed = sessions.find(key) if sessions is not None else None
    context = target.upstream_context
    if target.upstream_certificates is not None:
        try:
            context = target.upstream_certificates.context(session)
        except ValueError as error:
            return OWN_FAULT, f"{error} while connecting to upstream"
    why = await connect_tls(session, sock, context, name.sni, resumed)
    if why and sessions is not None:
        sessions.forget(key)
    if why == TIMED_OUT:
        return "timeout", "upstream timed out (110: Connection timed out) while SSL handshaking to upstream"
    if not why and settings.verify:
        why = check_upstream(session, name.verify)
    if why:
        return "tls", f"{why} while SSL handshaking to upstream"
    if sessions is not None and session.upstream_stream is not None:
        session.upstream_stream.kept_as = key
    return "", ""


def tune(session: Session, sock: socket.SocketType, peer: PeerState) -> bool:
    """Options and the address that the settings ask for before connecting; False for a failure, which is told."""
    proxy = session.target.settings.proxy
    try:
        if proxy.socket_keepalive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if proxy.socket_rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, proxy.socket_rcvbuf)
        if proxy.socket_sndbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, proxy.socket_sndbuf)
    except OSError as error:
        problem = f"setsockopt() failed ({error.errno}: {error.strerror}) while connecting to upstream"
        session.target.log.alert(problem + session.context(), session.number)
        return False
    return proxy.bind is None or peer.family == socket.AF_UNIX or bind_local(session, sock)


def proxy_header(session: Session, version: int) -> bytes:
    """The PROXY header of this client."""
    local = session.local
    source = (session.remote_addr, session.remote_port)
    destination = (local.host, local.port)
    return build_v1(source, destination) if version == 1 else build_v2(source, destination)


def ended_try(address: str, now: float) -> Try:
    """A try that never began, as nginx logs it: the upstream's name and no times but its own."""
    attempt = Try(address, now)
    attempt.session_time = 0.0
    attempt.outcome = "error"
    return attempt


def drop_upstream(session: Session) -> None:
    """Close the socket of a try that failed."""
    sock = session.upstream_sock
    if sock is not None:
        fd = sock.fileno()
        handlers = session.listener.worker.reactor.handlers
        if 0 <= fd < len(handlers):  # what failed at once was never watched
            handlers[fd] = None
        sock.close()
        session.upstream_sock = None
