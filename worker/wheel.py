"""Deadlines of sessions: one coarse wheel per worker.

A session stores its deadline as a number and moves it with every byte by storing another; nothing is created or
cancelled. It sits in the bucket it was first put into, and only when that bucket comes due is the number looked at:
if it has moved on, so does the session. One timer of the event loop serves all.
"""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from time import monotonic
from typing import Final, Protocol

from .reactor import Crashed, Reactor

FINE: Final = 20
"""Ticks per second for deadlines that are near: 50 ms."""
NEAR: Final = 10.0
"""Seconds; deadlines farther away are kept by whole seconds, so that a long timeout needs few buckets."""
FARTHEST: Final = 600.0
"""Seconds; what lies beyond is looked at on the way, so that a timeout of days does not need a bucket per second."""


class Timed(Protocol):
    """What can wait in a wheel."""

    deadline: float
    """Monotonic seconds; the owner may move it later at any time by assignment."""
    bucket: set[Timed] | None
    """Where it sits; the wheel's business."""
    due: float
    """When that bucket comes up."""

    def expired(self) -> object:
        """The deadline has passed."""


class Wheel:
    """The buckets by tick, and the loop's timer at the earliest."""

    __slots__ = ("_buckets", "_crashed", "_handle", "_loop", "_next", "_reactor", "_ticks")

    def __init__(self, loop: asyncio.AbstractEventLoop, reactor: Reactor, crashed: Crashed) -> None:
        self._loop = loop
        self._reactor = reactor
        self._crashed = crashed
        self._buckets: dict[int, set[Timed]] = {}
        self._ticks: list[int] = []
        self._next = 1 << 62
        self._handle: asyncio.TimerHandle | None = None

    def put(self, item: Timed, now: float, deadline: float) -> None:
        """Set a deadline on an item that is in no bucket, or that must expire earlier than its bucket comes up."""
        bucket = item.bucket
        if bucket is not None:
            bucket.discard(item)
        item.deadline = deadline
        tick = int(deadline * FINE) + 1 if deadline - now < NEAR else (int(min(deadline, now + FARTHEST)) + 1) * FINE
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = set()
            heappush(self._ticks, tick)
            if tick < self._next:
                self._arm(tick, now)
        bucket.add(item)
        item.bucket = bucket
        item.due = tick / FINE

    def move(self, item: Timed, now: float, deadline: float) -> None:
        """Change a deadline in either direction."""
        if item.bucket is None or deadline < item.due:
            self.put(item, now, deadline)
        else:
            item.deadline = deadline

    @staticmethod
    def remove(item: Timed) -> None:
        """Forget an item."""
        bucket = item.bucket
        if bucket is not None:
            bucket.discard(item)
            item.bucket = None

    def turn(self) -> None:
        """Expire what is due and move on what has a later deadline."""
        now = self._reactor.now = monotonic()
        self._next = 1 << 62
        self._handle = None
        ticks = self._ticks
        while ticks and ticks[0] <= now * FINE:
            bucket = self._buckets.pop(heappop(ticks))
            while bucket:
                item = bucket.pop()
                item.bucket = None
                if item.deadline > now:
                    self.put(item, now, item.deadline)
                else:
                    try:
                        item.expired()
                    except Exception as error:
                        self._crashed(error, item.expired)
        if ticks and ticks[0] < self._next:
            self._arm(ticks[0], now)

    def _arm(self, tick: int, now: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._next = tick
        self._handle = self._loop.call_later(max(tick / FINE - now, 0.0), self.turn)

    def close(self) -> None:
        """Cancel the timer."""
        if self._handle is not None:
            self._handle.cancel()
