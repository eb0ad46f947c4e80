"""What a plugin wants called again and again, until it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timers:
    """Of one plugin. A call that fails is told, and comes again."""

    __slots__ = ("_failed", "_handles", "_loop", "_over")

    def __init__(self, loop: asyncio.AbstractEventLoop, failed: Callable[[BaseException], object]) -> None:
        self._loop = loop
        self._failed = failed
        self._handles: list[asyncio.TimerHandle] = []
        self._over = False

    def every(self, seconds: float, call: Callable[[], object]) -> None:
        """Call something every so many seconds."""
        number = len(self._handles)

        def turn() -> None:
            try:
                call()
            except (Exception, SystemExit) as error:
                self._failed(error)
            if not self._over:
                self._handles[number] = self._loop.call_later(seconds, turn)

        self._handles.append(self._loop.call_later(seconds, turn))

    def cancel(self) -> None:
        """No more calls."""
        self._over = True
        for handle in self._handles:
            handle.cancel()
