"""Changes of records, put in force between two wake-ups; open sessions keep what they began with.

The router, the refusals and the choice of certificates are `birth.live`'s, which the master filled before the fork.
What is a worker's own follows: targets and contexts are dropped where they do not hold any more, and made anew for the
next session that needs them; balancers get their new peers. Plugins are prepared before the change is in force.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from ..shared.errors import PenstockError
from ..shared.live.live import Live
from ..shared.live.records import Changed
from ..shared.live.wire import read
from ..shared.messages import Verb, encode
from ..shared.model.plugin import PluginUse
from ..shared.model.stream import Route
from ..shared.model.tls import KeyPair, ServerTls
from ..shared.model.upstream import Upstream
from ..shared.openssl.pointers import unavailable
from ..shared.tls_contexts import blank, context_key, default_pairs, fill, gateway_tls, with_derived_keys
from ..shared.variables_gateway import FINGERPRINTS

if TYPE_CHECKING:
    from .balance import Balancer
    from .plan import Plan
    from .route_targets import RouteTargets
    from .worker import Worker

NAMES_WITHIN: Final = 1.0
"""Seconds that a change waits for the addresses of the names it brings, so that its first session finds them."""
LOOK: Final = 0.005
"""Seconds between two looks at whether they are there."""

Context = tuple[ssl.SSLContext, ServerTls]
Known = MutableMapping[object, ssl.SSLContext]


class Contexts(dict[int | None, Context]):
    """The contexts of one route's rules by certificate, each made when a client first chooses it."""

    def __init__(self, make: Callable[[int | None], Context]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, number: int | None) -> Context:
        made = self[number] = self._make(number)
        return made


class LiveTables:
    """See the module."""

    def __init__(self, worker: Worker, plan: Plan, live: Live, targets: RouteTargets) -> None:
        self._worker = worker
        self._plan = plan
        self._live = live
        self._targets = targets
        self._services: dict[int, str] = {}
        """The service's id of each route that has a target."""
        self._ages: dict[str, set[int]] = {}
        """The other way round."""
        self._contexts: list[Contexts] = []
        self._upstreams: dict[str, Upstream] = {}
        """Those of records by id, in the form that their balancers have."""
        self._queue: deque[tuple[str, tuple[Changed, ...]]] = deque()
        self._unanswered: deque[tuple[str, tuple[Balancer, ...], float]] = deque()
        """What is in force: the answer, whose addresses it waits for, and until when."""
        self._busy: asyncio.Task[None] | None = None
        self._told = False
        """Whether somebody was told that tickets are of one worker only."""

    # The beginning.

    async def begin(self) -> None:
        """Have everything ready that records have brought so far."""
        self._tell(self._live.complaints)
        for record in self._live.records.every("upstreams"):
            self._take_upstream(record["id"], self._live.upstream(record["id"]))
        self._begin_names(self._live.implicit.news()[0])
        if uses := list(self._live.uses):
            await self._prepare(uses)
            self._plug(everywhere=True)
        self._know_services()

    # Changes.

    def receive(self, number: str, descriptor: int) -> None:
        """A change set, in a file that is closed here."""
        try:
            changes = read(descriptor)
        except (ValueError, TypeError, OSError) as error:
            self._reject(number, error)
            return
        finally:
            os.close(descriptor)
        self._queue.append((number, changes))
        if self._busy is None:
            self._turn()

    async def settled(self) -> None:
        """Wait until everything that was received is in force."""
        while self._busy is not None:
            await asyncio.wait((self._busy,))
            await asyncio.sleep(0)

    @property
    def waits(self) -> bool:
        """Whether something has not been answered yet."""
        return bool(self._queue or self._busy or self._unanswered)

    def _turn(self) -> None:
        """Apply what is there, up to a part that has to be waited for."""
        while self._queue and self._busy is None:
            number, changes = self._queue.popleft()
            if any(change.kind == "plugins" for change in changes):
                self._wait(number, changes)
                return
            try:
                balancers, complaints = self._apply(changes)
            except Exception as error:
                self._reject(number, error)
                continue
            self._applied(" ".join((number, *complaints)), balancers)

    def _wait(self, number: str, changes: tuple[Changed, ...]) -> None:
        self._busy = self._worker.loop.create_task(self._later(number, changes), name="apply a change")
        self._worker.tasks.add(self._busy)
        self._busy.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._worker.tasks.discard(task)
        self._busy = None
        if not task.cancelled():
            self._turn()

    async def _later(self, number: str, changes: tuple[Changed, ...]) -> None:
        try:
            before = list(self._live.uses)
            complaints = await self._prepare(self._live.uses.coming(changes))
            balancers, more = self._apply(changes)
            kept = set(map(id, self._live.uses))
            if (kit := self._worker.kit) is not None:
                kit.forget([use for use in before if id(use) not in kept])
            self._applied(" ".join((number, *complaints, *more)), balancers)
        except Exception as error:
            self._reject(number, error)

    def _apply(self, changes: tuple[Changed, ...]) -> tuple[tuple[Balancer, ...], list[str]]:
        """Put changes in force; the balancers that lack addresses yet, and what could not be used."""
        delta = self._live.apply(changes)
        self._tell(delta.complaints)
        for service in delta.services:
            delta.stale |= self._ages.get(service, set())
        for age in delta.stale:
            self._drop(age)
        for contexts in self._contexts if delta.certificates else ():
            for age in delta.certificates:
                contexts.pop(age, None)
        fresh = [self._take_upstream(identity, upstream) for identity, upstream in delta.upstreams.items()]
        fresh += self._begin_names(delta.implicit)
        for upstream in delta.left:
            self._plan.renew(upstream, None)
        if any(change.kind in ("services", "upstreams", "targets", "plugins") for change in changes):
            self._know_services()
        if delta.plugins:
            self._plug(delta.everywhere)
        lacking = [balancer for balancer in fresh if balancer is not None and self._lacks_names(balancer)]
        return tuple(lacking), delta.complaints

    def _applied(self, text: str, balancers: tuple[Balancer, ...]) -> None:
        """Answer in the order of the changes, each when its names have addresses, but not long after it is in force."""
        self._unanswered.append((text, balancers, self._worker.loop.time() + NAMES_WITHIN))
        if len(self._unanswered) == 1:
            self._answer_applied()

    def _answer_applied(self) -> None:
        loop = self._worker.loop
        while self._unanswered:
            text, balancers, deadline = self._unanswered[0]
            if any(not balancer.states for balancer in balancers) and loop.time() < deadline:
                loop.call_later(LOOK, self._answer_applied)
                return
            self._unanswered.popleft()
            self._answer(Verb.APPLIED, text)

    def _answer(self, verb: Verb, text: str) -> None:
        with suppress(OSError):  # a master that is gone is noticed elsewhere
            self._worker.birth.control.send(encode(verb, text))

    def _reject(self, number: str, error: Exception) -> None:
        self._worker.crashed(error)
        self._answer(Verb.REJECTED, f"{number} {type(error).__name__}: {error}")

    def _tell(self, complaints: list[str]) -> None:
        for complaint in complaints:
            self._worker.log.error(complaint)

    # Upstreams.

    def _take_upstream(self, identity: str, upstream: Upstream | None) -> Balancer | None:
        """An upstream of a record has another form, or is gone; its balancer."""
        old = self._upstreams.pop(identity, None)
        names = self._worker.balancers
        if old is not None:
            if names.get(old.name) is self._plan.known_balancer(old):
                names.pop(old.name, None)
            self._plan.renew(old, upstream)
        if upstream is None:
            return None
        self._upstreams[identity] = upstream
        if upstream.key is not None and any(name in upstream.key.source for name in FINGERPRINTS):
            self._worker.keeps_hellos = True
        balancer = self._plan.balancer(upstream)
        names.setdefault(upstream.name, balancer)
        return balancer

    def _begin_names(self, upstreams: list[Upstream]) -> list[Balancer | None]:
        """Ask for the names among services' hosts before the first session comes; their balancers."""
        return [self._plan.balancer(upstream) for upstream in upstreams if upstream.peers[0].address is None]

    def _lacks_names(self, balancer: Balancer) -> bool:
        return not balancer.states and any(peer.address is None for peer in balancer.upstream.peers)

    # Targets and contexts.

    def _drop(self, age: int) -> None:
        """The target of a route does not hold any more."""
        self._targets.pop(age, None)
        service = self._services.pop(age, None)
        if service is not None:
            self._ages[service].discard(age)
            if not self._ages[service]:
                del self._ages[service]

    def route(self, age: int) -> tuple[int, Route]:
        """The number of a record's route among the counters' targets, and the route as it is now."""
        service = self._services[age] = self._live.service_of(age)
        self._ages.setdefault(service, set()).add(age)
        return self._worker.layout.live_target(self._live.number(age)), self._live.route(age)

    def contexts(self, tls: ServerTls, known: Known) -> Contexts:
        """The contexts of routes with these rules; of those in `known` the keys are shared since before the fork."""
        contexts = Contexts(partial(self._context, tls, known))
        self._contexts.append(contexts)
        return contexts

    def _context(self, tls: ServerTls, known: Known, number: int | None) -> Context:
        one = gateway_tls(tls, self._pairs(number))
        context = known.get(context_key(one))
        if context is not None:
            return context, one
        context = blank()
        try:
            fill(context, with_derived_keys(one, self._worker.birth.ticket_secret))
        except PenstockError as error:
            self._worker.log.error(f"{getattr(error, 'text', error)}: the default certificate serves in its place")
            if number is None:
                raise
            return self._context(tls, known, None)
        if (why := unavailable()) and not self._told:
            self._told = True
            self._worker.log.warn(f"sessions with certificates of records resume only where they began, since {why}")
        return context, one

    def _pairs(self, number: int | None) -> tuple[KeyPair, ...]:
        gateway = self._live.file
        if number is None:
            return default_pairs(gateway)
        if number < len(gateway.certificates):
            return gateway.certificates[number].pairs
        return self._live.certificate(number).pairs

    def made_contexts(self) -> Iterator[ssl.SSLContext]:
        """Those that were made so far."""
        for contexts in self._contexts:
            for context, _ in contexts.values():
                yield context

    # Plugins.

    async def _prepare(self, uses: list[PluginUse]) -> list[str]:
        """Prepare plugins; what those complain of that could not be prepared."""
        complaints = []
        kit = self._worker.kit
        for use in uses if kit is not None else ():
            try:
                await kit.prepare((use,))  # type: ignore[union-attr]  # it is there
            except PenstockError as error:
                barred = kit.bar(use)  # type: ignore[union-attr]  # the same
                outcome = "the sessions it is for are refused" if barred else "the plugin is left out"
                complaints.append(f"{getattr(error, 'text', error)}: {outcome}")
        self._tell(complaints)
        return complaints

    def _plug(self, everywhere: bool) -> None:
        """Give the targets that are there their plugins."""
        kit = self._worker.kit
        if kit is None or not everywhere:
            return
        kit.globals = (*self._plan.stream.plugins, *filter(kit.prepared, self._live.uses.everywhere()))
        self._targets.clear()
        self._plan.made = [target for target in self._plan.made if target.route is None]
        for target in self._plan.made:
            kit.plug(target)

    def _know_services(self) -> None:
        kit = self._worker.kit
        if kit is not None and kit.in_use:
            kit.know_services((*self._live.file.services, *(made.service for made in self._live.services())))
