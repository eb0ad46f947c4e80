"""Penstock's own variables: what the sniffing gateway saw and decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .template import Getter
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
    """The server name asked for, whether the TLS was terminated or only looked at."""
    hello = session.hello
    return (hello.server_name or None) if hello is not None else None


GETTERS: Final[Mapping[str, Getter]] = {getter.__name__: getter for getter in (refusal, route, service, sni)}
