"""Asks the Penstock that runs, over its own Admin API: what `penstock upstreams`, `cluster` and `explain --live` need.

The way there is the configuration's: its first `admin_listen` that this machine can reach, and a token of its file.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from socket import AF_INET6, AF_UNIX
from typing import Any, Final

from ..shared.errors import StartError
from ..shared.model.operations import Admin, AdminListen

WITHIN: Final = 30.0
"""Seconds for one answer."""
LARGEST: Final = 64 * 2**20
"""Bytes of one answer."""
ADVICE: Final = 'add "admin_listen 127.0.0.1:8001;" or "admin_listen unix:admin.sock;" to the configuration and reload'


class AnotherHost(http.client.HTTPConnection):
    """A connection to where an `admin_listen` is, whichever family that has."""

    def __init__(self, listen: AdminListen) -> None:
        super().__init__("localhost", timeout=WITHIN)
        self._listen = listen

    def connect(self) -> None:
        """Called by the base when it needs a socket."""
        address = self._listen.address
        sock = socket.socket(address.family, socket.SOCK_STREAM)
        sock.settimeout(WITHIN)
        try:
            if address.family == AF_UNIX:
                sock.connect(address.host)
            else:
                sock.connect((reachable_host(self._listen), address.port))
            # Nobody but this machine is asked, so there is no name to verify
            self.sock = careless().wrap_socket(sock) if self._listen.ssl else sock
        except BaseException:
            sock.close()
            raise


class Asking:
    """See the module."""

    def __init__(self, admin: Admin) -> None:
        """Raises StartError where there is no way to ask."""
        self._listen = way_in(admin)
        self._token = admin.auth.tokens[0] if admin.auth.tokens else b""

    def get(self, path: str) -> Any:
        """What a GET answers; raises StartError."""
        return self.ask("GET", path)

    def pages(self, path: str) -> Iterator[Any]:
        """The members of a list, page after page; raises StartError."""
        place: str | None = path
        while place is not None:
            page = self.get(place)
            yield from page["data"]
            place = page["next"]

    def ask(self, method: str, path: str, value: Any = None) -> Any:
        """The JSON of an answer that is one; raises StartError with the server's own words for any other."""
        connection = AnotherHost(self._listen)
        headers = {"Authorization": b"Bearer " + self._token} if self._token else {}
        body = None if value is None else json.dumps(value)
        try:
            connection.request(method, path, body, {**headers, "Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read(LARGEST)
        except (OSError, http.client.HTTPException) as error:
            text = f"nothing answers on {self._place} ({error}): is Penstock running, and with this configuration?"
            raise StartError(text, self._listen.where) from error
        finally:
            connection.close()
        return self._understood(answer, content)

    @property
    def _place(self) -> str:
        return f'"admin_listen {self._listen.address}"'

    def _understood(self, answer: http.client.HTTPResponse, content: bytes) -> Any:
        if not (answer.getheader("Server") or "").startswith("penstock/"):
            raise StartError(f"something that is no Penstock answers on {self._place}", self._listen.where)
        if answer.status == 401:
            text = f"{self._place} does not know the token of this configuration: reload the server that runs"
            raise StartError(text, self._listen.where)
        try:
            value = json.loads(content)
        except ValueError:
            raise StartError(f"{self._place} answered {answer.status} and no JSON", self._listen.where) from None
        if answer.status != 200:
            raise StartError(f"{self._place}: {said(value)}")
        return value


def said(value: Any) -> str:
    """The server's sentence."""
    return str(value.get("message", value)) if isinstance(value, Mapping) else str(value)


def way_in(admin: Admin) -> AdminListen:
    """The listener to ask on; raises StartError that says what to do."""
    if not admin.listens:
        raise StartError(f'the configuration has no "admin_listen", so nobody can be asked: {ADVICE}')
    if admin.auth.authorities is not None:
        text = '"admin_auth mtls" wants a client certificate, which this command has not: use curl --cert, or a token'
        raise StartError(text, admin.listens[0].where)
    for listen in admin.listens:
        if listen.address.family == AF_UNIX or ip_address(reachable_host(listen)).is_loopback:
            return listen
    return admin.listens[0]


def reachable_host(listen: AdminListen) -> str:
    """A host that leads to a listener."""
    host = listen.address.host
    if host in ("0.0.0.0", "::", ""):
        return "::1" if listen.address.family == AF_INET6 else "127.0.0.1"
    return host.partition("%")[0]


def careless() -> ssl.SSLContext:
    """A context that believes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
