"""Penstock's own variables: what the sniffing gateway saw and decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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


GETTERS: Final[Mapping[str, Getter]] = {getter.__name__: getter for getter in (refusal, route, service, sni)}
