"""Questions to the name servers of a `resolver`: both families at once, each server in turn, nginx's words.

A server that stays silent is followed by the next after RESEND seconds; one that answers but cannot help
is followed at once. A truncated answer is asked for again over TCP. What the system knows (`/etc/hosts`, search
domains) plays no part, as in nginx.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.rdtypes.IN.SRV import SRV

from ..shared.model.upstream import Resolver

RESEND: Final = 2.0
"""Seconds until a silent server is given up for the next one (nginx: 5)."""
GRACE: Final = 0.5
"""Seconds that a family may be late once the other has addresses; else a server that drops AAAA costs the timeout."""
MAX_ALIASES: Final = 8
"""CNAMEs followed by asking again; what is in one answer does not count."""

_BACKEND: Final = dns.asyncbackend.get_backend("asyncio")
_REASONS: Final = {
    dns.rcode.FORMERR: "1: Format error",
    dns.rcode.SERVFAIL: "2: Server failure",
    dns.rcode.NXDOMAIN: "3: Host not found",
    dns.rcode.NOTIMP: "4: Unimplemented",
    dns.rcode.REFUSED: "5: Operation refused",
}
_NOT_FOUND: Final = _REASONS[dns.rcode.NXDOMAIN]
_TIMED_OUT: Final = "110: Operation timed out"


class Unresolved(LookupError):
    """A name has no address that could be found; the text is the reason alone."""

    @property
    def absent(self) -> bool:
        """Whether that is an answer: the name does not exist, or has nothing of the kind."""
        return str(self) == _NOT_FOUND


@dataclass(frozen=True, slots=True)
class Answer:
    """Numeric addresses, and for how many seconds they hold."""

    addresses: tuple[str, ...]
    ttl: float


@dataclass(frozen=True, slots=True)
class Target:
    """An SRV record."""

    host: str
    port: int
    priority: int
    weight: int


@dataclass(frozen=True, slots=True)
class Services:
    """SRV records, at least one, and for how many seconds they hold."""

    targets: tuple[Target, ...]
    ttl: float


class NameServers:
    """The servers of one `resolver`."""

    def __init__(self, resolver: Resolver, resend: float = RESEND) -> None:
        self._resolver = resolver
        self._resend = resend
        self._turn = 0
        self._kinds = [
            kind for kind, wanted in ((dns.rdatatype.A, resolver.ipv4), (dns.rdatatype.AAAA, resolver.ipv6)) if wanted
        ]

    async def addresses(self, host: str) -> Answer:
        """What the servers say, at least one address, within `resolver_timeout`; raises Unresolved."""
        name = _parsed(host)
        loop = asyncio.get_running_loop()
        self._turn += 1
        deadline = loop.time() + self._resolver.timeout
        asked = [loop.create_task(self._ask(name, kind, deadline), name=f"resolve {host}") for kind in self._kinds]
        try:
            await _settled(asked)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        return self._together(asked)

    async def services(self, name: str) -> Services:
        """The SRV records of a name, within `resolver_timeout`; raises Unresolved."""
        self._turn += 1
        deadline = asyncio.get_running_loop().time() + self._resolver.timeout
        found, ttl = await self._records(_parsed(name), dns.rdatatype.SRV, deadline)
        targets = tuple(
            Target(data.target.to_text(omit_final_dot=True), data.port, data.priority, data.weight)
            for data in found or ()
            if isinstance(data, SRV) and data.target != dns.name.root  # RFC 2782: "not available at this domain"
        )
        if not targets:
            raise Unresolved(_NOT_FOUND)
        return Services(targets, ttl if self._resolver.valid is None else self._resolver.valid)

    def _together(self, asked: list[asyncio.Task[Answer]]) -> Answer:
        answers = [task.result() for task in asked if not task.cancelled() and task.exception() is None]
        useful = [answer for answer in answers if answer.addresses]
        if useful:
            ttl = min(answer.ttl for answer in useful)
            valid = self._resolver.valid
            addresses = tuple(address for answer in useful for address in answer.addresses)
            return Answer(addresses, ttl if valid is None else valid)
        failures = [str(task.exception()) for task in asked if not task.cancelled() and task.exception() is not None]
        raise Unresolved(next((why for why in failures if why != _NOT_FOUND), _NOT_FOUND))

    async def _ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType, deadline: float) -> Answer:
        found, ttl = await self._records(name, kind, deadline)
        return Answer(tuple(data.to_text() for data in found or ()), ttl)

    async def _records(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType, deadline: float
    ) -> tuple[dns.rrset.RRset | None, float]:
        ttl = float("inf")
        for _ in range(MAX_ALIASES):
            response = await self._response(dns.message.make_query(name, kind), deadline)
            try:
                chain = response.resolve_chaining()
            except dns.exception.DNSException:
                raise Unresolved(_REASONS[dns.rcode.FORMERR]) from None
            ttl = min(ttl, chain.minimum_ttl)
            if chain.answer is not None:
                return chain.answer, ttl
            if response.rcode() == dns.rcode.NXDOMAIN:
                raise Unresolved(_NOT_FOUND)
            if chain.canonical_name == name:
                return None, ttl
            name = chain.canonical_name
        raise Unresolved(_REASONS[dns.rcode.SERVFAIL])

    async def _response(self, query: dns.message.Message, deadline: float) -> dns.message.QueryMessage:
        """The first response that says yes or no; raises Unresolved when every server failed, or none answered."""
        loop = asyncio.get_running_loop()
        servers = self._resolver.servers
        turn = self._turn
        failures = 0
        reason = _TIMED_OUT
        while failures < len(servers):
            left = deadline - loop.time()
            if left <= 0:
                raise Unresolved(_TIMED_OUT)
            server = servers[turn % len(servers)]
            turn += 1
            try:
                response, _ = await dns.asyncquery.udp_with_fallback(
                    query,
                    server.host,
                    min(left, self._resend),
                    server.port,
                    backend=_BACKEND,
                    ignore_unexpected=True,  # an answer from elsewhere, or to another question,
                    ignore_errors=True,  # must not end the wait for the true one
                )
            except dns.exception.Timeout:
                continue
            except (OSError, EOFError, dns.exception.DNSException):
                failures += 1
                reason = _REASONS[dns.rcode.SERVFAIL]
                continue
            code = response.rcode()
            if code in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) and isinstance(response, dns.message.QueryMessage):
                return response
            failures += 1
            reason = _REASONS.get(code, f"{int(code)}: Unknown error")
        raise Unresolved(reason)


def _parsed(host: str) -> dns.name.Name:
    try:
        return dns.name.from_text(host)
    except (dns.exception.DNSException, UnicodeError):
        raise Unresolved(_NOT_FOUND) from None


async def _settled(asked: list[asyncio.Task[Answer]]) -> None:
    done, pending = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    if pending:
        found = any(task.exception() is None and task.result().addresses for task in done)
        await asyncio.wait(pending, timeout=GRACE if found else None)
