"""Numbers of counters for what comes while a generation serves: routes with their services, peers of upstreams.

A row has room for so many of them (memory that nobody touches costs nothing), and the numbers are given in the order in
which things come, which is the same in all processes. A number keeps its labels for as long as the generation lives:
what goes leaves its counters where they are, and what comes again under the same labels counts on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

ROUTES: Final = 1 << 20
PEERS: Final = 1 << 18
"""The room of a row."""
OTHER: Final = "other"
"""The labels of what comes when there is no room left; a reload makes some."""

Labels = tuple[str, str]


class Numbers:
    """Numbers by labels, within a limit; the last one is for all that came too late."""

    __slots__ = ("_by_labels", "_labels", "_room")

    def __init__(self, room: int) -> None:
        self._room = room
        self._by_labels: dict[Labels, int] = {}
        self._labels: list[Labels] = []

    def number(self, labels: Labels) -> int:
        """The number of these labels, from now on."""
        number = self._by_labels.get(labels)
        if number is None:
            number = len(self._labels)
            if number >= self._room - 1:
                return self._room - 1
            self._labels.append(labels)
            self._by_labels[labels] = number
        return number

    def labels_of(self, number: int) -> Labels:
        """What a number stands for."""
        return self._labels[number] if number < len(self._labels) else (OTHER, OTHER)

    def __iter__(self) -> Iterator[Labels]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)


class Cells:
    """The numbers of one generation."""

    __slots__ = ("peers", "peers_room", "routes", "routes_room")

    def __init__(self, routes: int = ROUTES, peers: int = PEERS) -> None:
        self.routes_room, self.peers_room = routes, peers
        self.routes = Numbers(routes)
        """By route and service."""
        self.peers = Numbers(peers)
        """By upstream and peer."""
