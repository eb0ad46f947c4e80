"""`least_conn`, `least_time` and `random`: the peer that has the least to do, or the better of two drawn by lot.

How much a peer has to do is a number, its burden; a method is what the burden is. Peers with equal burdens take turns
by nginx's weighted round robin, in which only those take part that are equal.

`least_time` is a function of NGINX Plus whose arithmetic is not published. Here the burden is the average time of the
peer's sessions, times the sessions that it would hold, by its weight. The average is exponential: a new time counts
for an eighth. A peer of which no time is known yet is taken to be as fast as the fastest, so that it is tried soon,
and not by everybody at once. With `inflight`, a try that has been under way for longer than the average counts as if
it ended now.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import ClassVar, Final

from ..shared.model.upstream import Upstream
from ..shared.view import SessionView, Try
from .balance import PRIVATE, Balancer, Home
from .peer import PeerState

SMOOTHING: Final = 0.125
"""What a new time counts for in the average; TCP's round-trip times have the same (RFC 6298)."""
DRAWS: Final = 20
"""Lots that may miss before the round robin takes over, as in nginx."""
TIMES: Final = {"connect": "connect_time", "first_byte": "first_byte_time", "last_byte": "session_time"}


class Times:
    """How long tries take, for the methods that go by it."""

    __slots__ = ("_attribute", "_inflight", "_open")

    def __init__(self, what: str, inflight: bool = False) -> None:
        self._attribute = TIMES[what]
        self._inflight = inflight
        self._open: dict[PeerState, dict[Try, None]] = {}
        """Tries whose time is not known yet, the oldest first."""

    def heard(self, state: PeerState, attempt: Try) -> None:
        """A try began, or went on, or ended."""
        taken: float | None = getattr(attempt, self._attribute)
        tries = self._open.setdefault(state, {})
        if taken is None and attempt.session_time is None and not attempt.outcome:
            tries[attempt] = None
            return
        if attempt in tries:
            del tries[attempt]
            if taken is not None and attempt.connect_time is not None and attempt.outcome in ("", "ok"):
                known = state.time
                state.time = known + (taken - known) * SMOOTHING if known else max(taken, 1e-6)
        if not tries:
            del self._open[state]  # the peers of a name come and go

    def of(self, state: PeerState, now: float) -> float:
        """The peer's time; 0 while nothing is known."""
        time = state.time
        if self._inflight and (tries := self._open.get(state)):
            return max(time, now - next(iter(tries)).started)
        return time


class BurdenBalancer(Balancer, ABC):
    """Chooses the least burden among all peers that are live."""

    __slots__ = ()

    def pick(self, tried: int = 0, session: SessionView | None = None) -> PeerState | None:
        if self._single is not None:
            return super().pick(tried, session)
        state = self._least(self._primaries, tried) or self._least(self._backups, tried)
        if state is not None:
            state.conns += 1
        return state

    @abstractmethod
    def _burdens(self, states: list[PeerState], now: float) -> list[float]: ...

    def _least(self, states: tuple[PeerState, ...], tried: int) -> PeerState | None:
        now = self._clock()
        live = [s for s in states if not tried & s.bit and (not s.guarded or s.available(now))]
        if not live:
            return None
        burdens = self._burdens(live, now)
        least = min(burdens)
        equal = tuple(state for state, burden in zip(live, burdens, strict=True) if burden == least)
        if len(equal) > 1:
            return self._richest(equal, 0)
        best = equal[0]
        if best.fails:
            best.chosen(now)
        return best


class LeastConnBalancer(BurdenBalancer):
    """`least_conn`: the fewest sessions for its weight."""

    __slots__ = ()

    def _burdens(self, states: list[PeerState], now: float) -> list[float]:
        del now
        return [state.conns / state.share for state in states]


class LeastTimeBalancer(BurdenBalancer):
    """`least_time`: the shortest time, as the module describes."""

    __slots__ = ("_times",)

    timing: ClassVar[bool] = True

    def __init__(self, upstream: Upstream, clock: Callable[[], float], times: Times, home: Home = PRIVATE) -> None:
        self._times = times
        super().__init__(upstream, clock, home)

    def timed(self, state: PeerState, attempt: Try) -> None:
        self._times.heard(state, attempt)

    def _burdens(self, states: list[PeerState], now: float) -> list[float]:
        return burdens(self._times, states, now)


def burdens(times: Times, states: Iterable[PeerState], now: float) -> list[float]:
    """Time by sessions by weight."""
    known = [(state, times.of(state, now)) for state in states]
    fastest = min((time for _, time in known if time), default=1.0)
    return [(time or fastest) * (state.conns + 1) / state.share for state, time in known]


class RandomBalancer(Balancer):
    """`random`: drawn by lot, by weight; with `two`, the better of two.

    `better` says which of two states; without it the first one drawn is taken.
    """

    __slots__ = ("_better", "_draw", "_ends", "_ring")

    _ring: tuple[PeerState, ...]
    _ends: tuple[int, ...]

    def __init__(
        self,
        upstream: Upstream,
        clock: Callable[[], float],
        better: Callable[[PeerState, PeerState, float], PeerState] | None = None,
        draw: Callable[[int], int] = random.randrange,
        home: Home = PRIVATE,
    ) -> None:
        self._better = better
        self._draw = draw
        super().__init__(upstream, clock, home)

    def pick(self, tried: int = 0, session: SessionView | None = None) -> PeerState | None:
        state = None if self._single is not None or not self._ring else self._lot(tried)
        if state is None:
            return super().pick(tried, session)
        state.conns += 1
        return state

    def _lot(self, tried: int) -> PeerState | None:
        now = self._clock()
        first: PeerState | None = None
        misses = 0
        while misses <= DRAWS:
            state = self._ring[bisect_right(self._ends, self._draw(self._ends[-1]))]
            if state is first or tried & state.bit or state.peer.down or (state.guarded and not state.available(now)):
                misses += 1
                continue
            if self._better is not None:
                if first is None:
                    first = state
                    continue
                state = self._better(first, state, now)
            if state.fails:
                state.chosen(now)
            return state
        return None

    def _arrange(self, states: Iterable[PeerState]) -> None:
        super()._arrange(states)
        self._ring = tuple(state for state in self.states if not state.peer.backup)
        self._ends = tuple(accumulate(state.weight for state in self._ring))


class RandomTimeBalancer(RandomBalancer):
    """`random two least_time=…`."""

    __slots__ = ("_times",)

    timing: ClassVar[bool] = True

    def __init__(
        self,
        upstream: Upstream,
        clock: Callable[[], float],
        times: Times,
        draw: Callable[[int], int] = random.randrange,
        home: Home = PRIVATE,
    ) -> None:
        self._times = times
        super().__init__(upstream, clock, self._faster, draw, home)

    def timed(self, state: PeerState, attempt: Try) -> None:
        self._times.heard(state, attempt)

    def _faster(self, first: PeerState, second: PeerState, now: float) -> PeerState:
        one, other = burdens(self._times, (first, second), now)
        return first if one <= other else second


def less_busy(first: PeerState, second: PeerState, _now: float) -> PeerState:
    """`random two least_conn`: the second drawn, unless it has more to do for its weight."""
    return first if second.conns * first.weight > first.conns * second.weight else second
