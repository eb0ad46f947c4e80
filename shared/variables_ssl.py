"""Variables of nginx's stream ssl module: the client's TLS. `variables_client` has those about its certificate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .openssl import connections
from .template import Getter
from .variables_ssl_preread import octets
from .view import SessionView

HANDSHAKING: Final = " handshaking"
"""No variable's name: among a session's values while what is said in its handshake depends on the name asked for."""


def ssl_alpn_protocol(session: SessionView) -> str | None:
    """The protocol agreed on."""
    tls = session.tls
    return (tls.selected_alpn_protocol() or None) if tls is not None else None


def ssl_cipher(session: SessionView) -> str | None:
    """The cipher suite, by OpenSSL's name."""
    tls = session.tls
    suite = tls.cipher() if tls is not None else None
    return suite[0] if suite is not None else None


def ssl_ciphers(session: SessionView) -> str | None:
    """The cipher suites that the client offered."""
    return connections.ciphers(session.tls) if session.tls is not None else None


def ssl_curve(session: SessionView) -> str | None:
    """The curve of the key exchange."""
    return connections.curve(session.tls) if session.tls is not None else None


def ssl_curves(session: SessionView) -> str | None:
    """The curves that the client offered."""
    return connections.curves(session.tls) if session.tls is not None else None


def ssl_protocol(session: SessionView) -> str | None:
    """The version: `TLSv1.3`."""
    tls = session.tls
    return tls.version() if tls is not None else None


def ssl_server_name(session: SessionView) -> str | None:
    """The name asked for, of a session that is terminated here."""
    terminated = session.tls is not None or HANDSHAKING in session.values
    if not terminated or session.hello is None or not session.hello.server_name:
        return None
    return octets(session.hello.server_name)


def ssl_session_id(session: SessionView) -> str | None:
    """The session's identifier, in hexadecimal."""
    tls = session.tls
    known = tls.session if tls is not None else None
    return (known.id.hex() or None) if known is not None else None


def ssl_session_reused(session: SessionView) -> str | None:
    """`r` for a session that was resumed, `.` for a new one."""
    tls = session.tls
    if tls is None:
        return None
    return "r" if tls.session_reused else "."


GETTERS: Final[Mapping[str, Getter]] = {
    getter.__name__: getter
    for getter in (
        ssl_alpn_protocol,
        ssl_cipher,
        ssl_ciphers,
        ssl_curve,
        ssl_curves,
        ssl_protocol,
        ssl_server_name,
        ssl_session_id,
        ssl_session_reused,
    )
}
NEED_OPENSSL: Final = frozenset({"ssl_ciphers", "ssl_curve", "ssl_curves"})
"""Unknown with a Python that does not let us at OpenSSL."""
