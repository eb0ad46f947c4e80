"""How long to wait before a worker that died is born again."""

from __future__ import annotations

from typing import Final

YOUNG: Final = 5.0
"""Seconds; who dies before did not do any good, and would only be forked in a circle."""
SHORTEST: Final = 0.1
LONGEST: Final = 5.0


class Backoff:
    """The wait of one slot: none at first, doubled each time its worker dies young, forgotten when one grows old."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0.0

    def delay(self, lived: float) -> float:
        """Seconds to wait after a worker that lived so long."""
        if lived >= YOUNG:
            self._next = 0.0
        delay = self._next
        self._next = min(max(delay * 2, SHORTEST), LONGEST)
        return delay
