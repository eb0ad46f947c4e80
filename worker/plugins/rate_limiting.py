"""`rate-limiting`: how many sessions may begin in a time, and how many there may be at once, of each client or name.

Kong has it for requests only; its fields are here where they fit, and its windows: `minute 60` is 60 in each minute of
the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from ...shared.plugin import Hook, Plugin, Session, Status, at_least_one_of, setting
from ..kit.redis_counts import Rate, RedisConfig, RedisCounts, Unavailable

PERIODS: Final = {"second": 1, "minute": 60, "hour": 3600}
MOST: Final = 10**9
CONCURRENT: Final = 65_535
"""More than a worker's counter of one key can hold."""
CTX: Final = "rate-limiting"
"""What the log hook gives back: a ticket, or the key of a place in Redis."""

By = Literal["ip", "sni", "route", "service", "ja4"]


class RateLimiting(Plugin):
    """Limits sessions, exactly over all workers of a node, or over several nodes through Redis."""

    version = "1.0.0"
    priority = 910
    checks = (at_least_one_of("second", "minute", "hour", "concurrent"),)

    @dataclass(frozen=True, slots=True)
    class Config:
        """Limits."""

        second: int | None = setting(None, between=(1, MOST), doc="Sessions that may begin in a second;")
        minute: int | None = setting(None, between=(1, MOST), doc="in a minute;")
        hour: int | None = setting(None, between=(1, MOST), doc="in an hour.")
        concurrent: int | None = setting(None, between=(1, CONCURRENT), doc="Sessions that may be open.")
        limit_by: By = setting("ip", doc="What is counted; the address for who has no such thing.")
        policy: Literal["local", "redis"] = setting("local", doc="Whether one node counts, or several together.")
        fault_tolerant: bool = setting(True, doc="Whether a node counts alone while Redis cannot be asked.")
        redis: RedisConfig | None = setting(None, doc="Where Redis is.")
        status: Status = setting(503, doc="The status of a session that is refused.")

    config: Config
    _rates: tuple[tuple[str, int, int], ...]
    """Period, sessions, seconds: the shortest first, since a refusal by a longer one costs it a little only."""
    _redis: RedisCounts | None = None

    def configure(self) -> None:
        """Look at what is asked for."""
        config = self.config
        given = [(name, getattr(config, name), seconds) for name, seconds in PERIODS.items()]
        self._rates = tuple((name, times, seconds) for name, times, seconds in given if times is not None)
        if config.policy == "redis":
            if config.redis is None:
                raise ValueError("policy redis needs a block redis { host …; }")
            self._redis = RedisCounts(config.redis, self.worker)

    def init_worker(self) -> None:
        """Get ready."""
        if self._redis is not None:
            self._redis.begin()

    def preread(self, session: Session) -> Hook:
        """Let the session in, or not."""
        key = f"{self.worker.place}|{self.whose(session)}"
        if self._redis is None:
            self._count(session, key)
            return None
        if self._redis.resting:
            self._alone(session, key)
            return None
        return self._ask(self._redis, session, key)

    def log(self, session: Session) -> Hook:
        """Give back its place."""
        held = session.ctx.pop(CTX, None)
        if isinstance(held, int):
            self.worker.leave(held)
        elif held is not None and self._redis is not None:
            return self._redis.leave(held, session.number)
        return None

    async def close(self) -> None:
        """Let Redis go."""
        if self._redis is not None:
            await self._redis.close()

    def whose(self, session: Session) -> str:
        """Whose budget a session is on, as part of a key."""
        by = self.config.limit_by
        value = VALUES[by](session) if by != "ip" else None
        return f"{by}:{value}" if value else f"ip:{session.client_addr.removeprefix('::ffff:')}"

    def _count(self, session: Session, key: str) -> None:
        """Decide by the memory of this node's workers."""
        worker, limit = self.worker, self.config.concurrent
        ticket = 0
        if limit is not None:
            ticket = worker.enter(key, limit)
            if not ticket:
                self._refuse(session, None, 0.0)
                return
        for number, (period, times, seconds) in enumerate(self._rates):
            wait = worker.spend(f"{key}|{period}", times, seconds)
            if wait:
                if ticket:
                    worker.leave(ticket)
                self._refuse(session, number, wait)
                return
        if ticket:
            session.ctx[CTX] = ticket

    async def _ask(self, redis: RedisCounts, session: Session, key: str) -> None:
        """Decide by Redis."""
        shared = f"penstock:{{{key}}}"  # of a cluster, one server has all keys with the same text in braces
        rates = [Rate(f"{shared}:{period}", times, seconds) for period, times, seconds in self._rates]
        limit = self.config.concurrent or 0
        try:
            over, wait = await redis.admit(shared, limit, session.number, rates)
        except Unavailable:
            self._alone(session, key)
            return
        if over is not None:
            self._refuse(session, over if over >= 0 else None, wait)
        elif limit:
            session.ctx[CTX] = shared

    def _alone(self, session: Session, key: str) -> None:
        """Redis cannot be asked."""
        if self.config.fault_tolerant:
            self._count(session, key)
        else:
            session.refuse("Redis cannot be asked for the limits", status=500)

    def _refuse(self, session: Session, rate: int | None, wait: float) -> None:
        whose = self.whose(session)
        if rate is None:
            reason = f"{self.config.concurrent} sessions of {whose} are open"
        else:
            period, times, _ = self._rates[rate]
            reason = f"{times} sessions per {period} of {whose}, the next one in {wait:.3g} s"
        session.refuse(reason, word="limited", status=self.config.status)


VALUES: Final[dict[str, Callable[[Session], str | None]]] = {
    "sni": lambda session: session.sni,
    "route": lambda session: session.route,
    "service": lambda session: session.service,
    "ja4": lambda session: session.ja4,
}
