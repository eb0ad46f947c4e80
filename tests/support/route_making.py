"""Routes for tests, from few words."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

from penstock.shared.model.settings import Settings
from penstock.shared.model.stream import Endpoint, Route, Service
from penstock.shared.model.upstream import Upstream

SETTINGS = Settings()


def entry(text: str) -> Endpoint:
    """`10.0.0.1`, `10.0.0.0/8`, `:5555`, `10.0.0.1:5555`, `[::1]:443`, `[fe80::/64]:443`, or empty for any."""
    ip, port = text, None
    if text.startswith("["):
        ip, _, rest = text[1:].partition("]")
        port = int(rest[1:]) if rest else None
    elif text.count(":") == 1:
        ip, _, rest = text.partition(":")
        port = int(rest)
    return Endpoint(ip_network(ip) if ip else None, port, "/" in ip)


def route(
    name: str = "r",
    protocols: str = "tls",
    snis: str = "",
    sources: Sequence[str] = (),
    destinations: Sequence[str] = (),
    service: Service | None = None,
) -> Route:
    """A route; `protocols` and `snis` are words with spaces between them."""
    return Route(
        name=name,
        protocols=frozenset(protocols.split()),
        service=service,
        settings=SETTINGS,
        snis=tuple(snis.split()),
        sources=tuple(map(entry, sources)),
        destinations=tuple(map(entry, destinations)),
    )


def service(enabled: bool = True) -> Service:
    """A service that nothing ever connects to."""
    return Service("s", "tcp", "127.0.0.1", 1, Upstream("s", ()), SETTINGS, enabled=enabled)
