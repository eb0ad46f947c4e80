"""Counting over several nodes, in a Redis server: what a node's own memory does with `take` and `enter`.

One script decides about everything that a session needs, so that no two nodes grant the same last place, by the
server's clock. A rate is a count that expires with its window of the clock. Who holds a place is in a sorted set, with
the time at which it is taken for gone; that is put off while the session lasts, and a node that dies gives its places
back after `LEASE`.

A server that does not answer is not asked for `PAUSE`, lest every session waits for the time-out.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, NamedTuple

from ...shared.plugin import FilePath, Host, Milliseconds, Port, Worker, setting
from .outlets import client_tls

LEASE: Final = 60
"""Seconds that a place is held without being renewed."""
PAUSE: Final = 1.0
"""Seconds that a server is left alone after it failed."""
CONNECTIONS: Final = 32
"""Of one worker at most; who finds all of them busy waits."""
COMPLAINT_INTERVAL: Final = 60.0
MANY: Final = 1000
"""Places that are renewed by one command."""

SCRIPT: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local places, limit, lease = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if limit > 0 then
    redis.call('ZREMRANGEBYSCORE', places, '-inf', now)
    if redis.call('ZCARD', places) >= limit then return {1, '0'} end
end
local ends = {}
for i = 2, #KEYS do
    local seconds, times = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    ends[i] = (math.floor(now / seconds) + 1) * seconds
    if tonumber(redis.call('GET', KEYS[i]) or '0') >= times then return {i, tostring(ends[i] - now)} end
end
for i = 2, #KEYS do
    if redis.call('INCR', KEYS[i]) == 1 then redis.call('PEXPIREAT', KEYS[i], ends[i] * 1000) end
end
if limit > 0 then
    redis.call('ZADD', places, now + lease, ARGV[1])
    redis.call('EXPIRE', places, lease * 2)
end
return {0, '0'}
"""
RENEW: Final = """
local time = redis.call('TIME')
local score = tonumber(time[1]) + tonumber(ARGV[1])
for i = 1, #KEYS do
    redis.call('ZADD', KEYS[i], 'XX', score, ARGV[i + 1])
    redis.call('EXPIRE', KEYS[i], ARGV[1] * 2)
end
"""


class Unavailable(OSError):
    """The server cannot be asked."""


@dataclass(frozen=True, slots=True)
class RedisConfig:
    """Where it is; Kong's fields."""

    host: Host = setting(doc="The server.")
    port: Port = 6379
    username: str | None = setting(None, doc="Who to be, where the server has users.")
    password: str | None = setting(None, secret=True)
    database: int = setting(0, between=(0, 65535))
    timeout: Milliseconds = setting(2000, between=(1, 2**31 - 2), doc="For connecting, and for an answer.")
    ssl: bool = setting(False, doc="Whether to speak TLS.")
    ssl_verify: bool = setting(False, doc="Whether the server's certificate has to be right.")
    ca_certificates: FilePath | None = setting(None, doc="Whose word counts; the system's where it is not given.")


class Rate(NamedTuple):
    """So many in each window of so many seconds."""

    key: str
    times: int
    seconds: int


class Verdict(NamedTuple):
    """What the server says: nothing against it, or the rate that is used up, or -1 when there is no place."""

    over: int | None
    wait: float = 0.0


class RedisCounts:
    """One worker's way to the server."""

    def __init__(self, config: RedisConfig, worker: Worker) -> None:
        """Raises ValueError where the package is missing, OSError for a file of authorities."""
        if not available():
            raise ValueError('policy redis needs the package redis: install "penstock[redis]"')
        self._config = config
        self._worker = worker
        if config.ssl:
            client_tls(config.ssl_verify, config.ca_certificates)
        self._client: Any = None
        self._admit: Any = None
        self._renew: Any = None
        self._held: dict[str, str] = {}
        """The places that are held, by their member: the key."""
        self._me = os.urandom(8).hex()
        self._until = 0.0
        self._complained = -COMPLAINT_INTERVAL

    def begin(self) -> None:
        """Get ready; connections are made when they are needed."""
        from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection  # an extra, and 50 ms

        config = self._config
        seconds = config.timeout / 1000
        arguments: dict[str, Any] = {
            "host": config.host.strip("[]"),
            "port": config.port,
            "db": config.database,
            "username": config.username,
            "password": config.password,
            "socket_timeout": seconds,
            "socket_connect_timeout": seconds,
        }
        if config.ssl:
            arguments |= {
                "connection_class": SSLConnection,
                "ssl_cert_reqs": "required" if config.ssl_verify else "none",
                "ssl_check_hostname": config.ssl_verify,
                "ssl_ca_certs": config.ca_certificates,
            }
        pool = BlockingConnectionPool(max_connections=CONNECTIONS, timeout=seconds, retry=once(), **arguments)
        self._client = Redis.from_pool(pool)
        self._admit = self._client.register_script(SCRIPT)
        self._renew = self._client.register_script(RENEW)
        self._worker.every(LEASE / 3, self._renewed)

    @property
    def resting(self) -> bool:
        """Whether the server failed a moment ago, and is not to be asked."""
        return monotonic() < self._until

    async def admit(self, place: str, limit: int, number: int, rates: Sequence[Rate]) -> Verdict:
        """One more session; `place` is the key of those at the same time, of which there may be `limit` where that is
        not 0. Raises Unavailable."""
        member = self._member(number)
        numbers = [str(each) for rate in rates for each in (rate.seconds, rate.times)]
        found, wait = await self._ask(
            self._admit(keys=[place, *(rate.key for rate in rates)], args=[member, limit, LEASE, *numbers])
        )
        if found:
            return Verdict(int(found) - 2, float(wait))
        if limit:
            self._held[member] = place
        return Verdict(None)

    async def leave(self, place: str, number: int) -> None:
        """It is over. A server that cannot be asked finds out by itself."""
        member = self._member(number)
        self._held.pop(member, None)
        if not self.resting:
            try:
                await self._ask(self._client.zrem(place, member))
            except Unavailable:
                pass

    async def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._client.aclose(close_connection_pool=True)

    def _member(self, number: int) -> str:
        return f"{self._me}:{number}"

    def _renewed(self) -> None:
        if self._held and not self.resting:
            self._worker.spawn(self._renew_all(), "renew places")

    async def _renew_all(self) -> None:
        held = list(self._held.items())
        for at in range(0, len(held), MANY):
            some = held[at : at + MANY]
            try:
                await self._ask(
                    self._renew(keys=[key for _, key in some], args=[LEASE, *(member for member, _ in some)])
                )
            except Unavailable:
                return

    async def _ask(self, work: Any) -> Any:
        """An answer within the time; raises Unavailable."""
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(self._config.timeout / 1000):
                return await work
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            self._until = monotonic() + PAUSE
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            if monotonic() - self._complained >= COMPLAINT_INTERVAL:
                self._complained = monotonic()
                self._worker.log("error", f"Redis at {self._config.host}:{self._config.port} cannot be asked: {text}")
            raise Unavailable(text) from error


def available() -> bool:
    """Whether the package is installed."""
    from importlib.util import find_spec

    return find_spec("redis") is not None


def once() -> Any:
    """One more attempt at once: a connection that was kept may be one to a server that was restarted."""
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Retry(NoBackoff(), 1)
