"""Which plugins a session has, and in which order: the rules that workers and `penstock explain` share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .model.plugin import PluginUse
from .model.stream import Route, Service, Stream
from .model.where import NOWHERE


def chosen(
    everywhere: tuple[PluginUse, ...], service: Service | None, route: Route | None
) -> Iterator[tuple[str, PluginUse]]:
    """Of each name the nearest, with its scope: the route's before the service's before the global one."""
    found: dict[str, tuple[str, PluginUse]] = {}
    for use in everywhere:
        found[use.name] = "global", use
    for use in service.plugins if service is not None else ():
        found[use.name] = "service", use
    for use in route.plugins if route is not None else ():
        found[use.name] = "route", use
    yield from found.values()


def rank(priority: int, name: str) -> tuple[int, str]:
    """What plugins are sorted by: those of higher priority run first."""
    return -priority, name


def explained(stream: Stream, route: Route | None, priorities: Mapping[str, int]) -> list[dict[str, Any]]:
    """The plugins of a route's sessions, or of a `server {}`'s, as `explain` shows them."""
    uses = sorted(
        chosen(stream.plugins, route.service if route is not None else None, route),
        key=lambda each: rank(priorities.get(each[1].name, 0), each[1].name),
    )
    return [
        {
            "name": use.name,
            "scope": scope,
            "priority": priorities.get(use.name),
            **({"where": str(use.where)} if use.where != NOWHERE else {}),
        }
        for scope, use in uses
    ]
