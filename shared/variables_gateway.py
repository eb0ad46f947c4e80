"""Penstock's own variables: what the sniffing gateway saw and decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from . import fingerprint
from .hello import BadHello
from .hello_details import HelloDetails, read_details
from .template import Getter
from .variables_ssl_preread import octets
from .view import SessionView


def refusal(session: SessionView) -> str | None:
    """The word of why the session was refused."""
    return session.refusal or None


def route(session: SessionView) -> str | None:
    """The route's name."""
    return session.route_name or None


def service(session: SessionView) -> str | None:
    """The service's name."""
    return session.service_name or None


def sni(session: SessionView) -> str | None:
    """The server name asked for, as routes compare it, whether the TLS was terminated or only looked at."""
    name = session.hello.name if session.hello is not None else None
    return octets(name) if name else None


def details_of(session: SessionView) -> HelloDetails | None:
    """Everything that the hello said; None without one, or where it was SSLv2's."""
    hello = session.hello
    try:
        return read_details(hello.body) if hello is not None and hello.body else None
    except BadHello:
        return None


def fingerprinted(name: str, read: Callable[[HelloDetails], str]) -> Getter:
    """A getter of a fingerprint, worked out once for a session."""

    def getter(session: SessionView) -> str | None:
        known = session.values.get(name)
        if known is None:
            details = details_of(session)
            if details is None:
                return None
            known = session.values[name] = read(details)
        return known

    return getter


FINGERPRINTS: Final = ("ja3", "ja4")
"""Variables for which the hello has to be kept, wherever they are written."""
GETTERS: Final[Mapping[str, Getter]] = {
    **{getter.__name__: getter for getter in (refusal, route, service, sni)},
    "ja3": fingerprinted("ja3", fingerprint.ja3),
    "ja4": fingerprinted("ja4", fingerprint.ja4),
}
