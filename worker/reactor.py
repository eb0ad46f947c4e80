"""The sessions' own readiness loop: one edge-triggered epoll nested inside the worker's event loop.

uvloop runs timers, the control socket, name look-ups and plugins. The sessions' sockets never meet it: they live
in an epoll of their own whose descriptor is the only thing uvloop watches for them. A socket is registered once, for
`EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET`, and never modified; closing it removes it. Compared with
`loop.add_reader` per socket this saves two thirds of the Python per connection (84 µs against 117 µs of CPU).

Edges are never repeated, so whoever stops before a descriptor is exhausted must ask for another turn (`again`).
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from time import monotonic
from typing import Final

EDGE: Final = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
LEVEL: Final = select.EPOLLIN

BATCH: Final = 256
"""Events taken from the kernel at once."""
FEW: Final = 4
"""A smaller batch says that there is little to do: another look would most often find nothing."""
ROUNDS: Final = 4
"""Batches per wake-up before uvloop gets its turn (control socket, timers)."""

Handler = Callable[[int], object]
"""Called with the event mask."""
Crashed = Callable[[BaseException, Callable[..., object]], None]
"""Told of an exception, and of the handler that let it through: a bug, but only that session's."""


def nothing(_timeout: float, _batch: int) -> list[tuple[int, int]]:
    """What a closed epoll has to say."""
    return []


class Reactor:
    """The nested epoll, the handlers by descriptor, and the turns that were asked for."""

    __slots__ = (
        "_epoll",
        "_fresh",
        "_loop",
        "_poll",
        "_register",
        "_scheduled",
        "_turns",
        "crashed",
        "handlers",
        "now",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, crashed: Crashed) -> None:
        self._loop = loop
        self._epoll = select.epoll(flags=select.EPOLL_CLOEXEC)
        self._poll: Callable[[float, int], list[tuple[int, int]]] = self._epoll.poll
        self._register = self._epoll.register
        self._turns: list[Callable[[], object]] = []
        self._scheduled = False
        self._fresh: set[int] = set()
        """Descriptors watched since the last look: an event of this batch is of a closed socket that had the number."""
        self.handlers: list[Handler | None] = [None] * 1024
        self.crashed = crashed
        self.now = monotonic()
        """The clock as of this wake-up."""
        loop.add_reader(self._epoll.fileno(), self.drain)

    def watch(self, fd: int, handler: Handler, events: int = EDGE) -> None:
        """Register a descriptor for its whole life. Its first edge comes by itself if it is ready already."""
        handlers = self.handlers
        if fd >= len(handlers):
            handlers.extend([None] * (fd + 1 - len(handlers)))
        handlers[fd] = handler
        self._fresh.add(fd)
        self._register(fd, events)

    def unwatch(self, fd: int) -> None:
        """Remove a descriptor that stays open (a closed one has removed itself)."""
        self.handlers[fd] = None
        self._epoll.unregister(fd)

    def again(self, turn: Callable[[], object]) -> None:
        """Call `turn` once more after the others had theirs."""
        self._turns.append(turn)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.drain)

    def drain(self) -> None:
        """Hand out what is ready."""
        self._scheduled = False
        handlers = self.handlers
        fresh = self._fresh
        for _ in range(ROUNDS):
            events = self._poll(0, BATCH)
            fresh.clear()
            self.now = monotonic()
            turns = self._turns
            if turns:
                self._turns = []
                for turn in turns:
                    try:
                        turn()
                    except Exception as error:
                        self.crashed(error, turn)
            elif not events:
                return
            for fd, mask in events:
                handler = handlers[fd]
                if handler is not None and fd not in fresh:
                    try:
                        handler(mask)
                    except Exception as error:
                        self.crashed(error, handler)
            if len(events) < FEW and not self._turns:
                return  # the epoll is watched level-triggered: what comes now wakes us again
        if self._turns and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.drain)

    def close(self) -> None:
        """Leave the loop and close the epoll; a call that the loop still has for us finds nothing to do."""
        self._poll = nothing
        self._turns = []
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
