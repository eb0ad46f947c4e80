"""Host names to addresses: what was resolved, for as long as it holds, and who is being asked for now.

Names that sessions give (a variable in `proxy_pass`) go to the servers of `resolver`; many sessions that want one
name at the same time cost one question, and what is kept is bounded, since clients choose the names. Names that the
configuration gives go to the system's resolver, again and again until they are known.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Final

from ..shared.model.upstream import Resolver
from .nameservers import RESEND, NameServers, Unresolved

MAX_NAMES: Final = 4096
"""Names kept; when there are more, the expired and then the oldest go."""
MAX_PENDING: Final = 1024
"""Names asked for at a time."""
FAILURE_SECONDS: Final = 1.0
"""How long a failure is remembered: a burst of sessions asks once, a name that appears is soon seen."""
FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 30.0


class _Known:
    """What is known of a name: addresses, handed out in rotation, or the reason why there are none."""

    __slots__ = ("_addresses", "_turn", "expires", "reason")

    def __init__(self, addresses: tuple[str, ...], expires: float, reason: str = "") -> None:
        self._addresses = addresses
        self._turn = -1
        self.expires = expires
        self.reason = reason

    def next(self) -> tuple[str, ...]:
        """All addresses, each time with the next one first."""
        if len(self._addresses) == 1:
            return self._addresses
        self._turn = turn = (self._turn + 1) % len(self._addresses)
        return self._addresses[turn:] + self._addresses[:turn]


class Names:
    """The names of one worker under one `resolver`."""

    def __init__(self, resolver: Resolver | None, loop: asyncio.AbstractEventLoop, resend: float = RESEND) -> None:
        self._servers = None if resolver is None else NameServers(resolver, resend)
        self._loop = loop
        self._known: dict[str, _Known] = {}
        self._pending: dict[str, asyncio.Task[_Known]] = {}

    def cached(self, host: str) -> tuple[str, ...] | None:
        """The addresses of a lower-case name if they are known and still hold, without waiting; else None."""
        known = self._known.get(host)
        if known is None or known.reason or known.expires <= self._loop.time():
            return None
        return known.next()

    async def resolve(self, host: str) -> tuple[str, ...]:
        """The addresses of a name by the servers of `resolver`, the next in turn first.

        Raises LookupError with nginx's words. A caller that is cancelled does not stop the question, which
        others may wait for and which ends by `resolver_timeout`.
        """
        if _is_address(host):
            return (host,)
        if self._servers is None:
            raise LookupError(f"no resolver defined to resolve {host}")
        name = host.lower()
        known = self._known.get(name)
        if known is None or known.expires <= self._loop.time():
            question = self._question(name, self._servers)
            await asyncio.wait((question,))
            if question.cancelled():
                raise LookupError(f"{host} could not be resolved (the worker is closing)")
            known = question.result()
        if known.reason:
            raise LookupError(f"{host} could not be resolved ({known.reason})")
        return known.next()

    async def system(self, host: str) -> tuple[str, ...]:
        """The addresses of a name by the system's resolver; raises LookupError."""
        try:
            found = await self._loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise LookupError(f"{host} could not be resolved ({error.strerror})") from None
        except (OSError, UnicodeError) as error:
            raise LookupError(f"{host} could not be resolved ({error})") from None
        return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))

    async def eventually(self, host: str, report: Callable[[str, float], None]) -> tuple[str, ...]:
        """The same, asked until there is an answer; `report` hears each failure and the seconds until the next try."""
        for delay in delays():
            try:
                return await self.system(host)
            except LookupError as error:
                report(str(error), delay)
            await asyncio.sleep(delay)
        raise AssertionError("delays() ended")

    async def close(self) -> None:
        """Stop asking; whoever waits gets a LookupError."""
        pending = tuple(self._pending.values())
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    def _question(self, name: str, servers: NameServers) -> asyncio.Task[_Known]:
        task = self._pending.get(name)
        if task is None:
            if len(self._pending) >= MAX_PENDING:
                raise LookupError(f"{name} could not be resolved ({MAX_PENDING} names are being resolved)")
            task = self._loop.create_task(self._look_up(name, servers), name=f"resolve {name}")
            self._pending[name] = task
            task.add_done_callback(lambda _: self._pending.pop(name, None))
        return task

    async def _look_up(self, name: str, servers: NameServers) -> _Known:
        try:
            answer = await servers.addresses(name)
        except Unresolved as error:
            known = _Known((), self._loop.time() + FAILURE_SECONDS, str(error))
        else:
            known = _Known(answer.addresses, self._loop.time() + answer.ttl)
        self._keep(name, known)
        return known

    def _keep(self, name: str, known: _Known) -> None:
        self._known.pop(name, None)  # so that the order is that of the answers
        if len(self._known) >= MAX_NAMES:
            now = self._loop.time()
            self._known = {kept: each for kept, each in self._known.items() if each.expires > now}
            # a good part at once, lest a full table be swept for every name
            for oldest in tuple(self._known)[: max(0, len(self._known) - MAX_NAMES * 3 // 4)]:
                del self._known[oldest]
        self._known[name] = known


def delays(first: float = FIRST_DELAY, longest: float = LONGEST_DELAY) -> Iterator[float]:
    """Seconds to wait before each new try: doubled from `first` up to `longest`, without end."""
    delay = first
    while True:
        yield delay
        delay = min(delay * 2, longest)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
