"""The slices of the master's loop: it runs until there is something to do, and that is done with no loop on the stack.

Whatever happens inside the loop (a worker's message, its death, a timer) only posts an action, and signals are only
queued. A turn does all of them, actions first, since they are what happened before.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Callable
from signal import Signals
from typing import Any

import uvloop

from .signals import SignalQueue

Action = Callable[[], object]


class Turns:
    """The loop, what was posted in it, and the signals that came."""

    def __init__(self, handle: Callable[[Signals], object], crashed: Callable[[str], object]) -> None:
        """`handle` gets each signal; `crashed` a line of the trace of a mistake of ours, which ends nothing."""
        self.loop = uvloop.new_event_loop()
        self.loop.set_exception_handler(self._failed)
        self._handle = handle
        self._crashed = crashed
        self._wake = asyncio.Event()
        self._actions: deque[Action] = deque()
        self._signals = SignalQueue(lambda: self.loop.call_soon_threadsafe(self._wake.set))

    def post(self, action: Action) -> None:
        """Have something done at the next turn."""
        self._actions.append(action)
        self._wake.set()

    def later(self, seconds: float, action: Action) -> None:
        """Have it done at a turn after so many seconds."""
        self.loop.call_later(seconds, self.post, action)

    def catch_signals(self) -> None:
        """Have signals wait for their turn from now on."""
        self._signals.install()

    def run_while(self, going: Callable[[], object]) -> None:
        """Slice after slice, each with its turn."""
        while going():
            self.loop.run_until_complete(self._something())
            self._turn()

    async def _something(self) -> None:
        if not self._actions and not self._signals:
            await self._wake.wait()
        self._wake.clear()

    def _turn(self) -> None:
        while self._actions or self._signals:
            try:
                while self._actions:
                    self._actions.popleft()()
                number = self._signals.take()
                if number is not None:
                    self._handle(number)
            except Exception as error:
                self._tell(error)

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A mistake inside the loop: asyncio would tell it to a standard error that may lead nowhere."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self._tell(error)

    def _tell(self, error: BaseException) -> None:
        for part in traceback.format_exception(error):
            for line in part.splitlines():
                self._crashed(line)
