"""The settings of every block, each object once: of 100,000 routes most share theirs, and comparing them is dear."""

from __future__ import annotations

from collections.abc import Iterable

from .model.settings import Settings
from .model.stream import Stream


def every_settings(stream: Stream) -> tuple[Settings, ...]:
    """Those of servers, the gateway, services and routes, in this order."""
    gateway = stream.gateway
    return (
        *distinct(server.settings for server in stream.servers),
        gateway.settings,
        *distinct(service.settings for service in gateway.services),
        *distinct(route.settings for route in gateway.routes),
    )


def terminating_settings(stream: Stream) -> tuple[Settings, ...]:
    """Those of routes that end TLS."""
    return distinct(route.settings for route in stream.gateway.routes if "tls" in route.protocols)


def distinct(many: Iterable[Settings]) -> tuple[Settings, ...]:
    """The objects among them, in the order in which they come first."""
    return tuple({id(settings): settings for settings in many}.values())
