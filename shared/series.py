"""A metric that a plugin made up: its name, its labels and, of a histogram, its bounds; and how that is a text."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
LONGEST: Final = 4096
"""Bytes of a text."""
SCALE: Final = 1000
"""Parts of one in the cell of a histogram's sum."""


class Series(NamedTuple):
    """A counter, of one cell; or with bounds a histogram: a cell for each bucket, one above all, and the sum."""

    name: str
    labels: tuple[tuple[str, str], ...]
    bounds: tuple[float, ...] = ()

    @property
    def cells(self) -> int:
        """How many it has."""
        return len(self.bounds) + 2 if self.bounds else 1

    def text(self) -> bytes:
        """As it is kept; raises ValueError for one that Prometheus would not take."""
        wrong = [name for name, _ in self.labels if not LABEL.fullmatch(name) or name == "le"]
        if not NAME.fullmatch(self.name) or wrong or sorted(self.bounds) != list(self.bounds):
            raise ValueError(f"{self.name} with labels {[name for name, _ in self.labels]} is no metric")
        text = json.dumps(self).encode()
        if len(text) > LONGEST:
            raise ValueError(f"{self.name} has labels of {len(text)} bytes")
        return text

    def observed(self, first: int, value: float) -> Iterator[tuple[int, int]]:
        """What an observation adds to its cells."""
        yield first + bisect_left(self.bounds, value), 1
        yield first + len(self.bounds) + 1, max(0, round(value * SCALE))


def read(text: bytes) -> Series:
    """The other way round."""
    name, labels, bounds = json.loads(text)
    return Series(name, tuple((key, value) for key, value in labels), tuple(bounds))


def of(name: str, labels: Mapping[str, str], bounds: tuple[float, ...] = ()) -> Series:
    """A series with its labels in an order of their own."""
    return Series(name, tuple(sorted(labels.items())), bounds)
