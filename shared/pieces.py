"""Long work in pieces: a generator that pauses where others may have a turn, and returns what was made."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Pieces = Generator[None, None, T]


def at_once(work: Pieces[T]) -> T:
    """Do it without a pause, where nobody waits."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            value: T = end.value
            return value
