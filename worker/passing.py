"""`proxy_pass` with variables: the text becomes an upstream's name, an address, or a name to resolve."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from ..shared.counters import AIMED
from ..shared.model.address import Address, ipv4, ipv6, unix
from ..shared.model.upstream import Peer, Upstream
from .balance import Balancer
from .waiting import TIMEOUT, WOKEN, event

if TYPE_CHECKING:
    from .session import Session
    from .worker import Worker

MAX_KNOWN: Final = 4096
"""Balancers kept for texts that variables gave; clients may steer those, so they are bounded."""

LONGEST_PORT: Final = 16
"""Digits; Python refuses to read a number of thousands, which a variable may bring."""


class Passes:
    """Balancers by the text that `proxy_pass` rendered, least recently used last."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._known: dict[tuple[str, int], Balancer] = {}
        self._literals: dict[tuple[str, int], Balancer] = {}
        """Those of texts that are addresses: what they mean never changes, so they are read once."""

    def named(self, name: str) -> Balancer | None:
        """The `upstream {}` of that name."""
        return self._worker.balancers.get(name)

    def addresses(self, text: str, addresses: tuple[Address, ...], counters: int) -> Balancer:
        """The balancer of a text with its addresses, made on first use or when they changed."""
        known = self._known.pop((text, counters), None)
        if known is None or {state.address for state in known.states} != set(addresses):
            known = self._made(text, addresses, counters)
        return _keep(self._known, (text, counters), known)

    def literal(self, text: str, counters: int) -> Balancer | None:
        """The balancer of a text that was found to be an address before."""
        known = self._literals.pop((text, counters), None)
        if known is not None:
            self._literals[text, counters] = known
        return known

    def learn(self, text: str, address: Address, counters: int) -> Balancer:
        """The balancer of a text that is an address."""
        return _keep(self._literals, (text, counters), self._made(text, (address,), counters))

    def _made(self, text: str, addresses: tuple[Address, ...], counters: int) -> Balancer:
        host = text.rpartition(":")[0]
        peers = tuple(Peer(name=text, address=address, host=host, max_fails=0) for address in addresses)
        made = Balancer(Upstream(name=text, peers=peers, implicit=True), self._worker.clock)
        for state in made.states:
            state.counters = counters
        return made


def _keep(known: dict[tuple[str, int], Balancer], key: tuple[str, int], balancer: Balancer) -> Balancer:
    if len(known) >= MAX_KNOWN:
        del known[next(iter(known))]
    known[key] = balancer
    return balancer


async def choose_balancer(session: Session) -> Balancer | None:
    """The balancer of a session whose `proxy_pass` has variables; None when the session is over (500)."""
    target = session.target
    assert target.template is not None
    worker = session.listener.worker
    text = target.template.render(session)
    named = worker.passes.named(text)
    if named is not None:
        return named
    counters = worker.layout.connects(worker.layout.upstream(AIMED if target.aimed else target.service_name), 0)
    met = worker.passes.literal(text, counters)
    if met is not None:
        return met
    if text.startswith("unix:"):
        return worker.passes.learn(text, unix(text[5:]), counters)
    host, problem, port = split(text)
    if problem:
        complain(session, f'{problem} in upstream "{text}"')
        session.refuse(500, "internal")
        return None
    literal = numeric(host, port)
    if literal is not None:
        return worker.passes.learn(text, literal, counters)
    names = worker.names_for(target.settings.resolver)
    if names is None:
        complain(session, f"no resolver defined to resolve {host}")
        session.refuse(500, "internal")
        return None
    found = names.cached(host) or await resolve(session, host)
    if found is None:
        return None
    return worker.passes.addresses(text, tuple(numeric(each, port) or ipv4(each, port) for each in found), counters)


async def resolve(session: Session, host: str) -> tuple[str, ...] | None:
    """Ask the resolver, in a task of its own, since that speaks asyncio; None when the session is over."""
    worker = session.listener.worker
    resolver = session.target.settings.resolver
    names = worker.names_for(resolver)
    assert names is not None
    assert resolver is not None
    task = worker.loop.create_task(names.resolve(host), name=f"resolve {host}")
    task.add_done_callback(lambda _task: session.wake())
    session.limit(resolver.timeout)
    mask = await event()
    while mask not in (WOKEN, TIMEOUT):
        mask = await event()
    # a task that is done by now without having woken us would do so later, in the middle of connecting
    if mask == TIMEOUT:
        task.cancel()
        reason = f"{host} could not be resolved (110: Operation timed out)"
    elif task.exception() is None:
        return task.result()
    else:
        reason = str(task.exception())
    complain(session, reason)
    session.refuse(500, "upstream_failed")
    return None


def complain(session: Session, text: str) -> None:
    """A line at level error with nginx's account of bytes, which it gives also while there is no peer."""
    tail = f", bytes from/to client:{session.received}/{session.sent}, bytes from/to upstream:0/0"
    session.target.log.error(text + session.context() + tail, session.number)


def split(text: str) -> tuple[str, str, int]:
    """Host and port of a rendered `proxy_pass`; the middle is nginx's complaint, or empty."""
    host, colon, port = text.rpartition(":")
    if text.startswith("[") and text.endswith("]"):
        host, colon = text, ""
    if not colon:
        return text, "no port" if text else "no host", 0
    if not host:
        return host, "no host", 0
    if not port.isascii() or not port.isdigit() or len(port) > LONGEST_PORT or not 0 < int(port) < 65536:
        return host, "invalid port", 0
    return host.strip("[]"), "", int(port)


def numeric(host: str, port: int) -> Address | None:
    """An address out of a literal; None for a name."""
    try:
        parsed = ip_address(host)
    except ValueError:
        return None
    return ipv4(str(parsed), port) if parsed.version == 4 else ipv6(str(parsed), port)
