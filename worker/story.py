"""The story of a session before its relay: straight-line code, one light coroutine per session.

accept → PROXY header in → limits → access → preread → route → TLS → connect (retry, PROXY out, TLS out) → relay.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ..shared.model.address import end_text
from ..shared.model.listen import Mode
from . import gateway, virtual
from .access import admitted
from .connect import connect
from .handover import hand_over
from .handshake import accept_tls, fail, found_context, reject
from .kit import hooks
from .last_words import say
from .passing import choose_balancer
from .preread import look, read_proxy_header
from .relay import HANGUP, IN, Endpoint, Means, join
from .relay_paced import paced_sides
from .relay_tls import MixedEndpoint, TlsEndpoint
from .tls_stream import TlsStream

if TYPE_CHECKING:
    from .session import Session


async def story(session: Session, passed: int = 0) -> None:
    """From accept until the relay runs, or until the session is over; `passed` counts other listeners before."""
    listener = session.listener
    target = session.target
    if target.says_info:
        log_accepted(session)
    if listener.listen.proxy_protocol and not await read_proxy_header(session):
        return
    if (target.has_limits or target.has_access) and not admitted(session):
        return
    if target.has_sets:
        for name, template in target.settings.sets:
            session.values[name] = template.render(session)
    if listener.listen.mode is not Mode.SERVER:
        if not await gateway.enter(session):
            return
    elif listener.prereads and not await server_preread(session):
        return
    if session.target.plugins and not await gateway.decided(session):
        return
    target = session.target
    if target.reply is not None:
        await reply(session)
        return
    if target.passes is not None:
        if hand_over(session, passed):
            await story(session, passed + 1)
        return
    if session.watched:
        listener.worker.reactor.handlers[session.fd] = session.early
    balancer = target.balancer or await choose_balancer(session)
    if balancer is None or not await connect(session, balancer):
        return
    if target.says_info:
        log_connected(session)
    if target.plugins:
        hooks.connected(session)
    relay(session)


async def server_preread(session: Session) -> bool:
    """What a `server {}` does before it proxies: `ssl`, or `ssl_preread`."""
    target = session.target
    settings = target.settings
    if session.listener.listen.ssl:
        context = target.server_context
        if context is not None and not reads_hello(session):
            return await accept_tls(session, context, settings.tls)
        # the name, the ALPN and the versions that were asked for are read off the hello, not got from OpenSSL
        seen = await look(session, settings, within=settings.handshake_timeout)
        if seen.outcome == "closed":
            session.info("peer closed connection in SSL handshake while SSL handshaking")
            return fail(session, "failed")
        if seen.outcome == "timeout":
            session.info("client timed out (110: Connection timed out) while SSL handshaking")
            return fail(session, "timeout")
        servers = session.listener.servers
        if servers is not None and not virtual.enter(session, servers):
            return False
        target = virtual.terminator(session)
        context = target.server_context
        if target.certificates is not None:
            context = found_context(session, target.certificates)
            if context is None:
                return False
        if context is None:
            return reject(session)
        return await accept_tls(session, context, target.settings.tls)
    seen = await look(session, settings, at_end=False)
    listener = session.listener
    listener.worker.row[listener.sniff + gateway.SNIFF_INDEX[seen.outcome]] += 1
    if seen.outcome in ("timeout", "closed"):
        session.finish(200)  # nginx: the session ends, and nothing was wrong
        return False
    if seen.outcome == "too_large":
        session.error("preread buffer full while prereading client data")
        session.refuse(400, "sniff_too_large")
        return False
    return True  # what is not TLS is proxied as well; its variables are empty


def reads_hello(session: Session) -> bool:
    """Whether anything depends on what the client's hello says: a look at it costs a call of the kernel's and more."""
    target, listener = session.target, session.listener
    return bool(
        listener.worker.reads_hellos
        or listener.servers is not None
        or target.settings.tls.alpn
        or target.plugins
        or target.certificates is not None
    )


async def reply(session: Session) -> None:
    """`return`: send the text, close."""
    assert session.target.reply is not None
    await say(session, session.target.reply.render(session).encode("utf-8", "surrogateescape"))
    session.finish(200)


def log_accepted(session: Session) -> None:
    """nginx's lines at level debug and info about a new client."""
    log = session.target.log
    client = end_text(session.peer_addr, session.peer_port)
    log.debug(f"accept: {client} fd:{session.fd}", session.number)
    log.info(f"client {client} connected to {session.listener.label}", session.number)


def log_connected(session: Session) -> None:
    """nginx's line at level info once the upstream stands."""
    sock = session.upstream_sock
    assert sock is not None
    name = sock.getsockname()
    ours = end_text(name[0], name[1]) if isinstance(name, tuple) else "unix:"
    session.target.log.info(f"proxy {ours} connected to {session.tries[-1].address}", session.number)


def endpoint_of(
    session: Session, sock: socket.SocketType, stream: TlsStream | None, fd: int, means: Means, cell: int
) -> MixedEndpoint:
    """One side of a relay that has TLS on either side."""
    if stream is None:
        return MixedEndpoint(session, sock, fd, means, cell)
    return TlsEndpoint(session, stream, fd, means, cell)


def relay(session: Session) -> None:
    """Hand the two sockets to the relay; nothing of the story is needed any more."""
    worker = session.listener.worker
    reactor = worker.reactor
    upstream_sock = session.upstream_sock
    assert upstream_sock is not None
    target = session.target
    cell_in, cell_out = session.bytes_cells()
    means = worker.means
    fd, upstream_fd = session.fd, upstream_sock.fileno()
    client: Endpoint
    upstream: Endpoint
    stream, upstream_stream = session.stream, session.upstream_stream
    if target.paced:
        client, upstream = paced_sides(session, upstream_sock, upstream_fd, means)
    elif stream is None and upstream_stream is None:
        client = Endpoint(session, session.sock, fd, means, cell_in)
        upstream = Endpoint(session, upstream_sock, upstream_fd, means, cell_out)
    else:
        client = endpoint_of(session, session.sock, stream, fd, means, cell_in)
        upstream = endpoint_of(session, upstream_sock, upstream_stream, upstream_fd, means, cell_out)
    join(client, upstream)
    session.client = client
    session.upstream = upstream
    session.upstream_sock = None
    session.advance = None
    session.idle_timeout = target.idle_timeout
    worker.wheel.move(session, reactor.now, reactor.now + target.idle_timeout)
    reactor.handlers[upstream.fd] = upstream.ready
    if not session.watched:
        session.watched = True
        reactor.watch(session.fd, client.ready)
    else:
        # the edges so far were the story's, and what they announced is still unread (a hello was only peeked at)
        reactor.handlers[session.fd] = client.ready
        client.hangup = bool(session.edges & HANGUP)
        if stream is not None and session.edges & IN:
            stream.dry = False
        client.pump()
    if not session.status and (upstream_stream is not None or session.upstream_edges & IN):
        upstream.hangup = bool(session.upstream_edges & HANGUP)
        upstream.pump()
