"""How a session's story waits: it yields, and is stepped with what happened."""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import Final

TIMEOUT: Final = -1
"""Sent into a waiting story when the session's deadline has passed; everything else is an event mask."""
WOKEN: Final = 0
"""Sent when a helper outside the reactor (a name look-up) is done."""


@types.coroutine
def event() -> Generator[None, int, int]:
    """Wait for the next event on the descriptors that the story watches, or for TIMEOUT."""
    return (yield)
