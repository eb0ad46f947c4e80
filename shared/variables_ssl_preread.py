"""Variables of nginx's ssl_preread module: what the client's hello says, without terminating it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .template import Getter
from .view import SessionView


def ssl_preread_alpn_protocols(session: SessionView) -> str | None:
    """The protocols that the client offers, separated by commas."""
    hello = session.hello
    return octets(hello.alpn_protocols) if hello is not None else None


def ssl_preread_protocol(session: SessionView) -> str | None:
    """The highest version of TLS that the client offers."""
    hello = session.hello
    return hello.protocol if hello is not None else None


def ssl_preread_server_name(session: SessionView) -> str | None:
    """The server name asked for; empty when the hello has none."""
    hello = session.hello
    return octets(hello.server_name or "") if hello is not None else None


def octets(text: str) -> str:
    """A hello's text, a character for each byte, in the form of every other value: UTF-8 with surrogate escapes."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")


GETTERS: Final[Mapping[str, Getter]] = {
    getter.__name__: getter for getter in (ssl_preread_alpn_protocols, ssl_preread_protocol, ssl_preread_server_name)
}
