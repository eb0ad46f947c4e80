"""Peers that health checks keep out of service: what a worker finds out itself, and what it is told by others.

Sessions report how connecting went (passive checks). The states are everybody's (see `shared.health_zone`): whoever
asks a peer's health reads a cell. A look at the zone's version, a few times a second, finds the changes that need more
than that: peers that come back slowly, sessions to be cut, upstreams of which too little is left.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Final

from ..shared.health_zone import FAILURES, NONE, RESETS, TIMEOUTS, HealthZone
from ..shared.model.health import HealthCheck
from .removal import DROPPED

if TYPE_CHECKING:
    from .balance import Balancer
    from .peer import PeerState
    from .session import Session
    from .worker import Worker

LOOK: Final = 0.1
"""Seconds between two looks at the zone's version."""
RESET: Final = "reset"
PLACES: Final = {"timeout": TIMEOUTS, RESET: RESETS}
"""Where failures are counted: every peer that resets has been reached, which begins the count of the others anew."""
TELL: Final = 5.0
"""Seconds between two times that the master is told which peers there are."""
EARLY: Final = 1.0
"""Seconds of a session within which a reset by the peer counts as a failure of its connect."""


class PeerHealth:
    """One peer's health, as its state sees it."""

    __slots__ = ("_check", "_record", "_upstream", "_worker", "_zone", "shut", "was_ill")

    def __init__(self, worker: Worker, zone: HealthZone, record: int, upstream: str, check: HealthCheck) -> None:
        self._worker = worker
        self._zone = zone
        self._record = record
        self._upstream = upstream
        self._check = check
        self.shut = False
        """Whether too little of the upstream's weight is in service."""
        self.was_ill = zone.ill(record)

    @property
    def sick(self) -> bool:
        """Whether the peer itself is out of service."""
        return self._zone.ill(self._record)

    @property
    def ill(self) -> bool:
        """Whether the peer gets no sessions."""
        return self.shut or self._zone.ill(self._record)

    def failed(self, text: str, outcome: str) -> None:
        """A session could not connect, or the peer broke off at once."""
        check = self._check
        place = PLACES.get(outcome, FAILURES)
        limit = check.timeouts if place == TIMEOUTS else check.failures
        if limit and self._zone.failed(self._record, place, limit):
            times = "1 session" if limit == 1 else f"{limit} sessions in a row"
            self._worker.log.warn(
                f'peer {text} in upstream "{self._upstream}" is unhealthy: {times} failed ({outcome}); it gets no more'
            )

    def see(self, now: int) -> None:
        """The peer is one of the upstream's."""
        self._zone.see(self._record, now)

    def succeeded(self) -> None:
        """A session reached the peer."""
        self._zone.succeeded(self._record)

    def lasted(self) -> None:
        """A session with the peer ended otherwise than by a reset within the first second."""
        self._zone.lasted(self._record)


class HealthWatch:
    """The upstreams of a worker that have health checks."""

    def __init__(self, worker: Worker, zone: HealthZone | None) -> None:
        self._worker = worker
        self._zone = zone
        self._balancers: dict[Balancer, None] = {}
        self._version = zone.version if zone is not None else 0
        self._timer: asyncio.TimerHandle | None = None
        self._told = 0.0

    def attach(self, balancer: Balancer) -> None:
        """Let the peers of an upstream know their health; again whenever it has got other peers."""
        check, zone = balancer.upstream.health, self._zone
        if check is None or zone is None:
            self.forget(balancer)
            return
        for state in balancer.states:
            if state.health is None:
                record = zone.record(balancer.upstream.name, state.text)
                if record == NONE:
                    self._worker.log.error(f"no room to know the health of {state.text}")
                    continue
                state.health = PeerHealth(self._worker, zone, record, balancer.upstream.name, check)
                state.guarded = True
        self._balancers[balancer] = None
        self._tell_seen(balancer)
        self._judge(balancer)
        if self._timer is None:
            self._timer = self._worker.loop.call_later(LOOK, self._look)

    def forget(self, balancer: Balancer) -> None:
        """The upstream is gone."""
        self._balancers.pop(balancer, None)

    def _look(self) -> None:
        zone = self._zone
        assert zone is not None
        self._timer = self._worker.loop.call_later(LOOK, self._look) if self._balancers else None
        version = zone.version
        if version != self._version:
            self._version = version
            for balancer in tuple(self._balancers):
                self._changed(balancer)
        if (now := monotonic()) - self._told >= TELL:
            self._told = now
            for balancer in self._balancers:
                self._tell_seen(balancer)

    def _tell_seen(self, balancer: Balancer) -> None:
        """Let the master know which addresses names have, and so which of them it need not ask any more."""
        if any(peer.resolve or peer.address is None for peer in balancer.upstream.peers):
            now = int(monotonic())
            for state in balancer.states:
                if state.health is not None:
                    state.health.see(now)

    def _changed(self, balancer: Balancer) -> None:
        now = monotonic()
        gone = set()
        for state in balancer.states:
            health = state.health
            if health is None or health.sick is health.was_ill:
                continue
            health.was_ill = health.sick
            if health.was_ill:
                gone.add(state)
            else:
                state.recover(now)
        self._judge(balancer)
        if gone:
            self._drop(balancer, gone)

    def _judge(self, balancer: Balancer) -> None:
        """Kong's `threshold`: with no more than that percentage of the weight in service, none is."""
        check = balancer.upstream.health
        assert check is not None
        if not check.threshold:
            return
        known = [state for state in balancer.states if state.health is not None]
        total = sum(state.weight for state in known)
        left = sum(state.weight for state in known if state.health is not None and not state.health.sick)
        shut = bool(total) and left * 100 <= total * check.threshold
        for state in known:
            assert state.health is not None
            state.health.shut = shut

    def _drop(self, balancer: Balancer, gone: set[PeerState]) -> None:
        """`proxy_session_drop on`: sessions with a peer that is unhealthy end at once."""
        left: list[Session] = [
            session
            for session in self._worker.sessions
            if session.balancer is balancer and session.peer in gone and session.target.settings.proxy.session_drop
        ]
        if left:
            self._worker.reactor.now = monotonic()
        for session in left:
            session.info("upstream server is unhealthy, dropping session")
            session.finish(DROPPED)


def broken_off(session: Session, health: PeerHealth) -> None:
    """The peer reset the connection: within the first second that is as good as refusing it."""
    attempt = session.tries[-1]
    took = session.listener.worker.reactor.now - attempt.started
    if took - (attempt.connect_time or 0.0) < EARLY:
        attempt.session_time = took  # the end of this try; see Session._end_try
        health.failed(attempt.address, RESET)
