"""TLS sessions with upstreams, to be resumed by later connections to the same peer (`proxy_ssl_session_reuse`).

A session belongs to the context it was made with, and so to one set of rules: what a server made that verifies
nothing is never offered by one that verifies. Only what came through the check of the name is kept. In TLS 1.3 the
tickets follow the handshake (RFC 8446, 4.6.1), so a session is taken when its connection ends.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .tls_stream import TlsStream

MOST: Final = 1024
"""Sessions kept of one context: names may come from clients, so they are bounded."""

Key = tuple[str, str | None]
"""The peer's address, and the name that was sent."""


class TlsSessions:
    """The sessions made with one context, least recently made first."""

    __slots__ = ("_known", "most")

    def __init__(self, most: int = MOST) -> None:
        self._known: dict[Key, ssl.SSLSession] = {}
        self.most = most

    def find(self, key: Key) -> ssl.SSLSession | None:
        """What to offer a peer."""
        return self._known.get(key)

    def forget(self, key: Key) -> None:
        """A handshake that offered it failed."""
        self._known.pop(key, None)

    def keep(self, key: Key, stream: TlsStream) -> None:
        """Take the session of a connection that ends, if it can be resumed."""
        tls = stream.tls
        is_new = tls.version() == "TLSv1.3"
        if tls.session_reused and not is_new:
            return
        session = tls.session
        if session is None or not (session.has_ticket or (session.id and not is_new)):
            return
        self._known.pop(key, None)
        if len(self._known) >= self.most:
            del self._known[next(iter(self._known))]
        self._known[key] = session
