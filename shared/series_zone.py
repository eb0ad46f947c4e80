"""The memory of metrics that plugins make up while they run: counters and histograms, in all workers together.

A series is a text (its name and labels, see `series.py`) and a run of cells. It is written whole and then counted by
one store, so that a process may die at any moment; cells are added to under the zone's lock. Series are never taken
away: what was counted stays over reloads and deaths, and what there is no room for is counted as `refused`.

Each process finds series by a dictionary of its own, which it completes by reading what others have added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from .zones import Lock, carve

SERIES: Final = 65_536
TEXTS: Final = 16 << 20
"""Bytes of all texts; pages that nobody touches cost nothing."""
CELLS: Final = 1 << 20
NONE: Final = -1
"""There is no room for another series."""
COUNT, REFUSED = range(2)
TEXT_END, CELL_END = range(2)
"""Of a series: where its text and its cells end; they begin where those of the series before end."""
PLACE: Final = 2


class SeriesZone:
    """See the module."""

    __slots__ = ("_cells", "_head", "_known", "_lock", "_places", "_read", "_texts", "series")

    def __init__(self, lock: Lock, series: int = SERIES, texts: int = TEXTS, cells: int = CELLS) -> None:
        self.series = series
        self._lock = lock
        self._head, self._places, self._texts, self._cells = carve(
            ("Q", 2), ("I", series * PLACE), ("B", texts), ("Q", cells)
        )
        self._known: dict[bytes, int] = {}
        self._read = 0

    @property
    def refused(self) -> int:
        """How often there was no room for a series."""
        return int(self._head[REFUSED])

    def find(self, text: bytes, cells: int) -> int:
        """The first cell of a series, which is made if it is not there; NONE without room for it."""
        found = self._known.get(text)
        if found is not None:
            return found
        with self._lock:
            self._catch_up()
            found = self._known.get(text)
            if found is None:
                found = self._make(text, cells)
                if found == NONE:
                    self._head[REFUSED] += 1
            return found

    def add(self, amounts: Iterable[tuple[int, int]]) -> None:
        """Add to cells."""
        with self._lock:
            for cell, amount in amounts:
                self._cells[cell] += amount

    def __iter__(self) -> Iterator[tuple[bytes, list[int]]]:
        """Every series with its cells, as they are now."""
        for number in range(self._head[COUNT]):
            text_at, cell_at, text_end, cell_end = self._place(number)
            yield bytes(self._texts[text_at:text_end]), self._cells[cell_at:cell_end].tolist()

    def _place(self, number: int) -> tuple[int, int, int, int]:
        """Where text and cells begin, and where they end."""
        at = number * PLACE
        begin = (self._places[at - PLACE], self._places[at - PLACE + 1]) if number else (0, 0)
        return *begin, self._places[at + TEXT_END], self._places[at + CELL_END]

    # Under the lock.

    def _catch_up(self) -> None:
        for number in range(self._read, self._head[COUNT]):
            text_at, cell_at, text_end, _ = self._place(number)
            self._known[bytes(self._texts[text_at:text_end])] = cell_at
        self._read = self._head[COUNT]

    def _make(self, text: bytes, cells: int) -> int:
        number: int = self._head[COUNT]
        text_at, cell_at = self._place(number - 1)[2:] if number else (0, 0)
        text_end, cell_end = text_at + len(text), cell_at + cells
        if number >= self.series or text_end > len(self._texts) or cell_end > len(self._cells):
            return NONE
        self._texts[text_at:text_end] = text
        self._places[number * PLACE + TEXT_END] = text_end
        self._places[number * PLACE + CELL_END] = cell_end
        self._head[COUNT] = number + 1
        self._known[text] = cell_at
        self._read = number + 1
        return cell_at
