"""TLS handshakes, with clients and with upstreams, stepped by readiness."""

from __future__ import annotations

import select
import socket
import ssl
from typing import TYPE_CHECKING, Final

from ..shared.model.tls import ServerTls
from ..shared.openssl.reasons import told
from ..shared.tls_contexts import INTERNAL_ERROR, NO_APPLICATION_PROTOCOL, UNRECOGNIZED_NAME, alpn_acceptable
from ..shared.variables_ssl import HANDSHAKING
from .kit import hooks
from .tls_stream import TlsStream
from .waiting import TIMEOUT, event

if TYPE_CHECKING:
    from .certificates import Certificates
    from .session import Session

MAX_UNREAD: Final = 65536
GONE: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
TIMED_OUT: Final = "timeout"
NO_CERTIFICATE: Final = "PEER_DID_NOT_RETURN_A_CERTIFICATE"
NOTHING_IN_COMMON: Final = "error:0A0000EB:SSL routines::no application protocol"


async def accept_tls(session: Session, context: ssl.SSLContext, tls: ServerTls) -> bool:
    """Terminate the client's TLS; False when the handshake failed and the session is over (nginx's status: 500)."""
    hello = session.hello
    if hello is not None and not alpn_acceptable(tls, hello):
        send_alert(session, NO_APPLICATION_PROTOCOL)
        session.info(f"SSL_do_handshake() failed (SSL: {NOTHING_IN_COMMON}) while SSL handshaking")
        return fail(session, "failed")
    session.watch()
    if session.target.plugins and not await hooks.certificate(session):
        return False
    stream = TlsStream(session.sock, context, server=True)
    session.limit(session.target.settings.handshake_timeout)
    why = await shake(stream, session.edges)
    if why == TIMED_OUT:
        session.info("client timed out (110: Connection timed out) while SSL handshaking")
        return fail(session, "timeout")
    if why:
        session.info(f"{why} while SSL handshaking")
        return fail(session, "failed")
    session.stream = stream
    session.edges = (session.edges | stream.gone) & GONE  # what the others announced has been read
    session.tls = done = stream.tls
    worker = session.listener.worker
    worker.row[session.listener.handshake_cell(done.version(), done.session_reused)] += 1
    return True


def reject(session: Session) -> bool:
    """`ssl_reject_handshake`: say that nobody of that name is here, and end the session."""
    send_alert(session, UNRECOGNIZED_NAME)
    session.info("handshake rejected while SSL handshaking")
    session.refuse(500, "client_tls")
    return False


def found_context(session: Session, certificates: Certificates) -> ssl.SSLContext | None:
    """The context of a certificate named by variables; None when it could not be had and the session is over."""
    session.values[HANDSHAKING] = ""
    try:
        return certificates.context(session)
    except ValueError as error:
        session.error(f"{error} while SSL handshaking")
        send_alert(session, INTERNAL_ERROR)
        fail(session, "failed")
        return None


def send_alert(session: Session, record: bytes) -> None:
    """Send a fatal alert instead of an answer to the hello."""
    try:
        session.sock.recv(MAX_UNREAD, socket.MSG_DONTWAIT)  # unread bytes would turn the close into a reset
        session.sock.send(record, socket.MSG_DONTWAIT)
    except OSError:
        pass  # gone already


def fail(session: Session, outcome: str) -> bool:
    """Count a handshake that came to nothing and end the session."""
    worker = session.listener.worker
    worker.row[worker.layout.handshake(session.listener.number, None, False, outcome)] += 1
    session.refuse(500, "client_tls")
    return False


async def connect_tls(
    session: Session,
    sock: socket.SocketType,
    context: ssl.SSLContext,
    name: str | None,
    resumed: ssl.SSLSession | None = None,
) -> str:
    """Speak TLS to the upstream on `sock`, sending `name` as SNI; an empty text, TIMED_OUT, or why it failed.

    On success `session.upstream_stream` is set.
    """
    try:
        stream = TlsStream(sock, context, server=False, name=name, session=resumed)
    except (OSError, ValueError) as error:  # a name that cannot be sent
        return f"SSL_do_handshake() failed ({error})"
    session.limit(session.target.connect_timeout)
    why = await shake(stream, 0)
    if not why:
        session.upstream_stream = stream
        session.upstream_edges |= stream.gone
    return why.replace("client SSL", "upstream SSL", 1)


async def shake(stream: TlsStream, edges: int) -> str:
    """Do a handshake within the session's limit; `edges` are those that came before. An empty text, or why not."""
    tls = stream.tls
    stream.gone = edges & GONE
    try:
        if edges:
            stream.receive(bool(stream.gone))
        speaks = not tls.server_side or stream.ended or stream.incoming.pending > 0
        while True:
            if speaks:
                try:
                    tls.do_handshake()
                    finished = True
                except ssl.SSLWantReadError:
                    finished = False
                while not stream.flush():
                    mask = await event()
                    if mask == TIMEOUT:
                        return TIMED_OUT
                    stream.dry = False
                    stream.gone |= mask & GONE
                if finished:
                    return ""
            speaks = True
            while not stream.receive(bool(stream.gone)):
                mask = await event()
                if mask == TIMEOUT:
                    return TIMED_OUT
                stream.dry = False
                stream.gone |= mask & GONE
    except OSError as error:
        try:
            stream.flush()  # the alert that tells the peer why
        except OSError:
            pass
        return handshake_error(error)


def handshake_error(error: OSError) -> str:
    """nginx's text for a handshake that failed: OpenSSL's reason, or the system's, without Python's line numbers."""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "peer closed connection in SSL handshake"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"client SSL certificate verify error: ({error.verify_code}:{error.verify_message})"
    if isinstance(error, ssl.SSLError):
        if error.reason == NO_CERTIFICATE:
            return "client sent no required SSL certificate"
        return f"SSL_do_handshake() failed (SSL: {told(error)})"
    return f"SSL_do_handshake() failed ({error.errno}: {error.strerror})"
