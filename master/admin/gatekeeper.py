"""Who may use the Admin API: whoever knows a token, or has shown a certificate; nobody through a web page.

A token is compared in constant time with each of those in the file. On a listener without tokens everybody who can
connect may come in, which is for loopback and unix sockets only; a web page that a browser of this machine shows could
connect as well, so a request that a browser sends for another origin is refused there.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Final

from aiohttp import web

from ...shared.model.operations import AdminAuth

BEARER: Final = "bearer "
HEADERS: Final = ("Kong-Admin-Token", "Penstock-Admin-Token")
"""Where a token may stand beside `Authorization: Bearer`."""
SAFE: Final = frozenset({"none", "same-origin"})
"""Values of `Sec-Fetch-Site` that do not come from somebody else's page (Fetch metadata)."""


def admitted(request: web.BaseRequest, auth: AdminAuth) -> bool:
    """Whether the request may be answered. With `mtls` the handshake has decided already."""
    if auth.tokens:
        given = token_of(request)
        found = False
        for token in auth.tokens:  # each of them, so that the time tells nothing
            found |= compare_digest(given, token)
        return found
    return auth.authorities is not None or not foreign_page(request)


def token_of(request: web.BaseRequest) -> bytes:
    """The token that a request brings; empty without one."""
    authorization = request.headers.get("Authorization", "")
    if authorization.lower().startswith(BEARER):
        return authorization[len(BEARER) :].strip().encode("utf-8", "replace")
    for name in HEADERS:
        if name in request.headers:
            return request.headers[name].strip().encode("utf-8", "replace")
    return b""


def foreign_page(request: web.BaseRequest) -> bool:
    """Whether a browser sent the request for a page of another origin."""
    return request.headers.get("Sec-Fetch-Site", "none") not in SAFE
