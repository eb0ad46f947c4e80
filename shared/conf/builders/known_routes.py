"""Routes that differ from one built before by their names alone: of 100,000 most are such.

What says the same beside `snis`, in the same text, comes to the same conditions, service and settings, so that only
the names are left to be read.
"""

from __future__ import annotations

from typing import Final

from ...model.stream import Route
from ..plain import Outline, PlainDirective, begins_a_line
from ..tree import Directive
from .names import ORDINARY, compared, sni_mistake

CONDITIONS: Final = frozenset(
    {"protocols", "snis", "sources", "destinations", "service", "preserve_host", "plugin", "tags"}
)
"""A route's directives that are no settings of its sessions."""
REMEMBERED: Final = 4096
"""Different texts; a configuration that has more of them has few routes of each."""


class KnownRoutes:
    """The routes built so far, by what is written beside their names."""

    def __init__(self) -> None:
        self._alike: dict[Outline, Route] = {}

    def again(self, name: str, directive: Directive) -> Route | None:
        """The route of a directive that has only a name and `snis` of its own; None where all has to be read."""
        if not isinstance(directive, PlainDirective) or directive.outline is None:
            return None
        like = self._alike.get(directive.outline)
        if like is None:
            return None
        names = directive.names
        if not all(map(ORDINARY.fullmatch, names)):
            names = [compared(text) for text in names]
            if any(map(sni_mistake, names)):
                return None  # to be complained of at its place
        return Route(
            name=name,
            protocols=like.protocols,
            service=like.service,
            settings=like.settings,
            snis=tuple(dict.fromkeys(names)) if len(names) > 1 else (names[0],),
            sources=like.sources,
            destinations=like.destinations,
            preserve_host=like.preserve_host,
            where=directive.place(),
        )

    def learn(self, route: Route, directive: Directive) -> None:
        """Remember a route that was read as a whole, unless it has settings: they may know their place."""
        if not isinstance(directive, PlainDirective) or directive.outline is None or len(self._alike) >= REMEMBERED:
            return
        if begins_a_line(directive.outline) and all(line.name in CONDITIONS for line in directive.block or ()):
            self._alike[directive.outline] = route
