"""The targets of routes, each made when a session first takes the route.

A worker of 100,000 routes is ready a third of a second sooner, and most of them are never taken. What may fail, and
what takes time, depends on a route's settings and service alone: one target of each is made before the worker is ready.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..shared.model.stream import Route
from .target import Target


class RouteTargets(dict[int, Target]):
    """Targets by the index of their route."""

    __slots__ = ("_make", "_routes")

    def __init__(self, routes: Sequence[Route], make: Callable[[int], Target]) -> None:
        super().__init__()
        self._routes = routes
        self._make = make

    def __missing__(self, index: int) -> Target:
        target = self[index] = self._make(index)
        return target

    def prepare(self) -> None:
        """Make a target of each sort."""
        sorts: dict[tuple[int, int], int] = {}
        for index, route in enumerate(self._routes):
            sorts.setdefault((id(route.settings), id(route.service)), index)
        for index in sorts.values():
            self[index]

    def complete(self) -> list[Target]:
        """Make those that are missing too; all, in the order of the routes."""
        return [self[index] for index in range(len(self._routes))]
