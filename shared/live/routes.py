"""Routes out of records."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, Final

from ..conf.builders.names import compared
from ..model.settings import Settings
from ..model.stream import Endpoint, Route, Service
from .records import Record

PASSTHROUGH: Final = "tls_passthrough"
LAYER_4: Final = frozenset({"tcp", "tls", PASSTHROUGH})


@lru_cache(64)
def protocols_of(words: tuple[str, ...]) -> frozenset[str]:
    """Those that sessions can have; empty for a route that is none of ours."""
    return LAYER_4.intersection(words)


def label_of(record: Record) -> str:
    """What logs and metrics call a route."""
    return str(record.get("name") or record["id"])


def route_of(record: Record, service: Service | None, settings: Settings) -> Route | None:
    """The route of a record; None when it takes no TCP or TLS."""
    protocols = protocols_of(tuple(record["protocols"]))
    if not protocols:
        return None
    return Route(
        name=label_of(record),
        protocols=protocols,
        service=service,
        settings=settings,
        snis=tuple(dict.fromkeys([compared(name) for name in record.get("snis") or ()])),
        sources=endpoints(record.get("sources") or ()),
        destinations=endpoints(record.get("destinations") or ()),
        preserve_host=bool(record.get("preserve_host")),
    )


def endpoints(entries: Iterable[Any]) -> tuple[Endpoint, ...]:
    """`sources` or `destinations`."""
    return tuple([endpoint(entry.get("ip"), entry.get("port")) for entry in entries])


@lru_cache(4096)
def endpoint(ip: str | None, port: int | None) -> Endpoint:
    """One entry: an address or a network, a port, or both."""
    if not ip:
        return Endpoint(None, port)
    return Endpoint(ip_network(ip, strict=False), port, "/" in ip)
