"""Who may use the Admin API: whoever knows a token, or has shown a certificate; nobody through a web page.

A token is compared in constant time with each of those in the file. On a listener without tokens everybody who can
connect may come in, which is for loopback and unix sockets only; a web page that a browser of this machine shows could
connect as well, so a request that a browser sends for another origin is refused there, and so is one for a name that
is not this machine's: its owner may have let it point here (DNS rebinding).
"""

from __future__ import annotations

from hmac import compare_digest
from ipaddress import ip_address
from typing import Final

from aiohttp import web

from ...shared.model.operations import AdminAuth

BEARER: Final = "bearer "
HEADERS: Final = ("Kong-Admin-Token", "Penstock-Admin-Token")
"""Where a token may stand beside `Authorization: Bearer`."""
LOCAL: Final = "localhost"
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
    return auth.authorities is not None or not (foreign_page(request) or foreign_name(request))


def token_of(request: web.BaseRequest) -> bytes:
    """The token that a request brings; empty without one."""
    authorization = request.headers.get("Authorization", "")
    if authorization.lower().startswith(BEARER):
        return authorization[len(BEARER) :].strip().encode("utf-8", "replace")
    for name in HEADERS:
        if name in request.headers:
            return request.headers[name].strip().encode("utf-8", "replace")
    return b""


def foreign_name(request: web.BaseRequest) -> bool:
    """Whether the request was made to a name that is neither an address nor `localhost`; a unix socket has none."""
    if request.transport is not None and isinstance(request.transport.get_extra_info("sockname"), str | bytes):
        return False
    host = request.headers.get("Host", "")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0].lower().removesuffix(".")
    if not name or name == LOCAL or name.endswith("." + LOCAL):
        return False
    try:
        ip_address(name)
    except ValueError:
        return True
    return False


def foreign_page(request: web.BaseRequest) -> bool:
    """Whether a browser sent the request for a page of another origin."""
    return request.headers.get("Sec-Fetch-Site", "none") not in SAFE
