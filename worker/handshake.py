"""TLS handshakes with clients and upstreams: `ssl.SSLSocket` on the non-blocking descriptor, stepped by readiness."""

from __future__ import annotations

import socket
import ssl
from time import monotonic
from typing import TYPE_CHECKING, Final

from ..shared.model.tls import ServerTls
from ..shared.tls_contexts import NO_APPLICATION_PROTOCOL, alpn_acceptable
from .waiting import TIMEOUT, event

if TYPE_CHECKING:
    from .session import Session

MAX_UNREAD: Final = 65536


async def accept_tls(session: Session, context: ssl.SSLContext, tls: ServerTls) -> bool:
    """Terminate the client's TLS; False when the handshake failed and the session is over.

    `session.sock` becomes the TLS socket. nginx's status for a failed handshake is 500.
    """
    worker = session.listener.worker
    hello = session.hello
    if hello is not None and not alpn_acceptable(tls, hello):
        try:
            session.sock.recv(MAX_UNREAD, socket.MSG_DONTWAIT)  # unread bytes would turn the close into a reset
            session.sock.send(NO_APPLICATION_PROTOCOL, socket.MSG_DONTWAIT)
        except OSError:
            pass  # gone already
        session.info("no application protocol in common while SSL handshaking")
        return fail(session, "failed")
    session.watch()
    session.limit(session.target.settings.handshake_timeout)
    plain = session.sock
    assert isinstance(plain, socket.socket)
    try:
        plain.setblocking(False)
        tls_sock = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
    except OSError as error:  # the client is gone before we began
        session.info(f"SSL_do_handshake() failed ({error}) while SSL handshaking")
        return fail(session, "failed")
    session.sock = tls_sock
    while True:
        try:
            tls_sock.do_handshake()
            break
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if await event() == TIMEOUT:
                session.info("client timed out (110: Connection timed out) while SSL handshaking")
                return fail(session, "timeout")
        except OSError as error:
            session.info(f"{handshake_error(error)} while SSL handshaking")
            return fail(session, "failed")
    session.tls = tls_sock
    cell = worker.layout.handshake(session.listener.number, tls_sock.version(), bool(tls_sock.session_reused), "ok")
    worker.row[cell] += 1
    return True


def fail(session: Session, outcome: str) -> bool:
    """Count a handshake that came to nothing and end the session."""
    worker = session.listener.worker
    worker.row[worker.layout.handshake(session.listener.number, None, False, outcome)] += 1
    session.refuse(500, "client_tls")
    return False


async def connect_tls(session: Session, sock: socket.socket, context: ssl.SSLContext, name: str | None) -> str:
    """Speak TLS to the upstream on `sock`, sending `name` as SNI; an empty text, or why it failed.

    On success `session.upstream_sock` is the TLS socket.
    """
    reactor = session.listener.worker.reactor
    fd = sock.fileno()
    try:
        tls_sock = context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=name)
    except (OSError, ValueError) as error:
        reactor.handlers[fd] = None  # `sock` has given its descriptor away, and it is closed
        return f"SSL_do_handshake() failed ({error})"
    session.upstream_sock = tls_sock
    reactor.handlers[fd] = session.step
    end = monotonic() + session.target.connect_timeout
    while True:
        try:
            tls_sock.do_handshake()
            return ""
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            session.limit(max(end - reactor.now, 0.0))
            if await event() == TIMEOUT:
                return "timeout"
        except ssl.SSLCertVerificationError as error:
            return f"upstream SSL certificate verify error: ({error.verify_code}:{error.verify_message})"
        except OSError as error:
            return handshake_error(error)


def handshake_error(error: OSError) -> str:
    """nginx's text for a handshake that failed: OpenSSL's reason, or the system's, without Python's line numbers."""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "peer closed connection in SSL handshake"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"client SSL certificate verify error: ({error.verify_code}:{error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"SSL_do_handshake() failed (SSL: {(error.reason or str(error)).lower().replace('_', ' ')})"
    return f"SSL_do_handshake() failed ({error.errno}: {error.strerror})"
