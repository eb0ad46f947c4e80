"""Long work of one request, done between the turns of all others."""

from __future__ import annotations

import asyncio
import time
from typing import Final, TypeVar

from ..shared.pieces import Pieces

T = TypeVar("T")
TURN: Final = 0.01
"""Seconds at a time."""


async def in_turns(work: Pieces[T]) -> T:
    """Do it; raises what it raises."""
    end = time.monotonic() + TURN
    while True:
        try:
            next(work)
        except StopIteration as done:
            value: T = done.value
            return value
        if time.monotonic() >= end:
            await asyncio.sleep(0)
            end = time.monotonic() + TURN
