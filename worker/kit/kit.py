"""The plugins of one worker: made from what the configuration says, put in order for every target, and closed.

Plugins that come or go while the worker runs (the Admin API's) are `prepare`d, then targets are `plug`ged anew, then
what nobody uses is `forget`ed; sessions keep those that they began with.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ...shared.errors import ConfigError, PenstockError, StartError
from ...shared.model.plugin import PluginUse
from ...shared.model.stream import Configuration, Service
from ...shared.plugin import Plugin, hooks_of
from ...shared.plugin_config import make
from ...shared.plugin_counters import RECORDS
from ...shared.plugin_lines import read, sentence, unknown_plugin
from ...shared.plugin_order import chosen, rank
from ...shared.plugin_schema import Description
from ...shared.plugin_session import Session as SessionView
from ...shared.sources import sources
from ...shared.template import Getter, Lookup, Template, compile_template
from ...shared.variables import lookup
from .barrier import Barrier, decides
from .hooked import Hooked, described
from .hooks import outcome, view_of
from .host import Host, Shared
from .library import Library, placed
from .timers import Timers

if TYPE_CHECKING:
    from ..plan import Plan
    from ..target import Target
    from ..worker import Worker

CLOSE_WITHIN: Final = 2.0
"""Seconds that plugins have at a stop that is in a hurry: the master kills after three."""
LOOK: Final = 1.0
"""Seconds between two looks at whether a plugin that left still has sessions."""
TEXTS: Final = 1024
"""Compiled texts that are remembered; plugins may make them up."""


class Kit:
    """See the module."""

    def __init__(self, worker: Worker, plan: Plan) -> None:
        stream = worker.birth.configuration.stream
        self.worker = worker
        self.plan = plan
        self.timeout = stream.plugin_timeout
        self.globals: tuple[PluginUse, ...] = stream.plugins
        """Those of every session."""
        self.lookup = stream.lookup or lookup
        self.library: Library | None = None
        self._places: dict[int, str] = {}
        """Where plugins of the file are written, by the identity of their use."""
        self._hooked: dict[int, Hooked] = {}
        """By the identity of their use, which they keep alive."""
        self._chains: dict[tuple[int, ...], tuple[Hooked, ...]] = {}
        self._entrance: tuple[tuple[PluginUse, ...], tuple[Hooked, ...]] = ((), ())
        self._services = {service.name: service for service in stream.gateway.services}
        self._service_targets: dict[str, Target] = {}
        self._getters: dict[str, Getter] = {}
        self._texts: dict[str, Template] = {}
        self._leaving: set[Hooked] = set()
        """Plugins that no target has any more, but sessions."""

    async def load(self) -> None:
        """Make every plugin of the configuration and give it to its targets; raises StartError."""
        configuration = self.worker.birth.configuration
        placed = tuple(placed_uses(configuration))
        self._places = {id(use): place for place, use in placed}
        uses = tuple([use for _, use in placed])
        if not uses and not configuration.stream.plugin_paths and not wants_all(configuration):
            return
        await self.prepare(uses)
        if wants_all(configuration):
            for name in self._library().names():
                self._library().kind(name)
        for target in tuple(self.plan.made):
            self.plug(target)

    async def prepare(self, uses: Iterable[PluginUse]) -> None:
        """Make and configure plugins; raises StartError, and then none of them is there."""
        fresh = [use for use in uses if id(use) not in self._hooked]
        made = [self._made(use) for use in fresh]
        try:
            for hook in ("configure", "init_worker"):
                for hooked in made:
                    await self._begun(hooked, hook)
        except StartError:
            for hooked in made:
                await self._closed(hooked, CLOSE_WITHIN)
            raise
        self._hooked |= {id(hooked.use): hooked for hooked in made}
        self.worker.keeps_hellos = self.worker.keeps_hellos or bool(made)

    def bar(self, use: PluginUse) -> bool:
        """Let nobody pass where a plugin could not be prepared that decides over sessions, or may; whether it does."""
        try:
            if not decides(hooks_of(self._library().kind(use.name, use.where))):
                return False
        except (PenstockError, KeyError):
            pass  # it is not there, or cannot be imported: what it would do is not known
        timers = Timers(self.worker.loop, partial(self._timer_failed, use))
        barrier = Barrier(Barrier.Config(), self._host(use, timers))
        self._hooked[id(use)] = Hooked(self.worker, use.name, barrier, use, timers)
        return True

    def plug(self, target: Target) -> None:
        """Give a target its plugins: of each name the nearest, the route's before the service's before the global."""
        uses = [use for _, use in chosen(self.globals, target.service, target.route)]
        hooked = [self._hooked[id(use)] for use in uses if id(use) in self._hooked]
        key = tuple(map(id, hooked))
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = in_order(hooked)
        target.plugins = chain

    def prepared(self, use: PluginUse) -> bool:
        """Whether a plugin is there; a record's that could not be made is not."""
        return id(use) in self._hooked

    @property
    def in_use(self) -> bool:
        """Whether there are plugins at all."""
        return bool(self._hooked)

    def entrance(self) -> tuple[Hooked, ...]:
        """The plugins of every session, whatever a route has in their place: it is not heard yet."""
        uses, chain = self._entrance
        if uses is not self.globals:
            chain = in_order(self._hooked[id(use)] for use in self.globals)
            self._entrance = self.globals, chain
        return chain

    def forget(self, uses: Iterable[PluginUse]) -> None:
        """Close plugins that no target has any more, when the last session that still has one is over.

        That may take its time, so nobody waits for it: what takes the place of these plugins is in force.
        """
        gone = {hooked for use in uses if (hooked := self._hooked.pop(id(use), None)) is not None}
        self._chains = {key: chain for key, chain in self._chains.items() if not gone.intersection(chain)}
        for hooked in gone:
            self._leaving.add(hooked)
            self._spawn(self._closed_when_unused(hooked), f"plugin {hooked.name}: close")

    def descriptions(self) -> Iterator[Description]:
        """What is known of the plugins that were imported."""
        if self.library is not None:
            for name in self.library.names():
                if self.library.imported(name):
                    yield self.library.description(name)

    def reopen(self) -> None:
        """USR1."""
        for hooked in (*self._hooked.values(), *self._leaving):
            try:
                hooked.plugin.reopen()
            except Exception as error:
                self._complain(hooked, "reopen", error)

    async def close(self, hurried: bool) -> None:
        """The last session is over: let log hooks end, then let every plugin deliver what it has."""
        limit = CLOSE_WITHIN if hurried else max(self.timeout, CLOSE_WITHIN)
        running = [task for task in self.worker.tasks if task.get_name().startswith("plugin ")]
        if last := [task for task in running if task.get_name().endswith((": log", ": closing"))]:
            await asyncio.wait(last, timeout=limit)
        plugins = (*self._hooked.values(), *self._leaving)
        self._leaving.clear()
        await asyncio.gather(*(self._closed(hooked, limit) for hooked in plugins))

    # What sessions ask.

    def getter(self, name: str) -> Getter:
        """A variable's; raises UnknownVariable."""
        known = self._getters.get(name)
        if known is None:
            known = self._getters[name] = self.lookup(name)
        return known

    def template(self, text: str) -> Template:
        """A text, compiled; raises UnknownVariable."""
        known = self._texts.get(text)
        if known is None:
            known = compile_template(text, self.lookup)
            if len(self._texts) >= TEXTS:
                del self._texts[next(iter(self._texts))]
            self._texts[text] = known
        return known

    def service_target(self, name: str) -> Target | None:
        """A target that goes to a service, whatever the route."""
        known = self._service_targets.get(name)
        service = self._services.get(name)
        if known is None and service is not None:
            known = self._service_targets[name] = self.plan.service_target(service)
        return known

    def service_names(self) -> Iterable[str]:
        """Every service."""
        return self._services

    def know_services(self, services: Iterable[Service]) -> None:
        """The services have changed."""
        self._services = {service.name: service for service in services}
        self._service_targets.clear()

    # Making and closing.

    def _library(self) -> Library:
        if self.library is None:
            self.library = Library(self.worker.birth.configuration.stream.plugin_paths)
        return self.library

    def _made(self, use: PluginUse) -> Hooked:
        timers = Timers(self.worker.loop, partial(self._timer_failed, use))
        host = self._host(use, timers)
        plugin = instance(self._library(), use, host, self.worker.birth.configuration, self.lookup)
        hooked = Hooked(self.worker, use.name, plugin, use, timers)
        host.mine = partial(self._sessions_of, hooked)
        return hooked

    def _host(self, use: PluginUse, timers: Timers) -> Host:
        worker = self.worker
        cells = worker.layout.plugins.records(use.name)

        def count(word: str, times: int) -> None:
            worker.row[cells + RECORDS.index(word)] += times

        return Host(
            name=use.name,
            place=f"record {use.id}" if use.id else self._places.get(id(use), ""),
            slot=worker.birth.slot,
            workers=worker.stride,
            generation=worker.birth.generation,
            prefix=worker.birth.configuration.prefix,
            hostname=sources.hostname,
            clock=time.time,
            write=worker.log.write,
            start=self._spawn,
            repeat=timers.every,
            count=count,
            shared=Shared.of(worker.birth.zones),
        )

    async def _begun(self, hooked: Hooked, hook: str) -> None:
        """`configure` or `init_worker`."""
        try:
            work = hooked.call("configure", getattr(hooked.plugin, hook))
            if work is not None:
                async with asyncio.timeout(self.timeout):
                    await outcome(work)
                hooked.ended("configure", 0.0)
        except TimeoutError:
            text = f'plugin "{hooked.name}": {hook} took longer than {self.timeout:g} s'
            raise StartError(placed(text, hooked.use.where)) from None
        except Exception as error:
            if not isinstance(error, ValueError | OSError):
                hooked.trace(error)
            text = f'plugin "{hooked.name}": {hook} failed: {described(error)}'
            raise StartError(placed(text, hooked.use.where)) from error

    def _has_sessions(self, hooked: Hooked) -> bool:
        return any(hooked in session.target.plugins for session in self.worker.sessions)

    async def _closed_when_unused(self, hooked: Hooked) -> None:
        while self._has_sessions(hooked):
            await asyncio.sleep(LOOK)
        if hooked in self._leaving:
            self._leaving.remove(hooked)
            self._spawn(self._closed(hooked, self.timeout), f"plugin {hooked.name}: closing")

    async def _closed(self, hooked: Hooked, limit: float) -> None:
        hooked.timers.cancel()
        timer = asyncio.timeout(limit)
        try:
            work = hooked.plugin.close()
            if work is not None:
                async with timer:
                    await outcome(work)
        except Exception as error:
            if timer.expired():
                self.worker.log.error(f'plugin "{hooked.name}": close took longer than {limit:g} s')
            else:
                self._complain(hooked, "close", error)

    def _complain(self, hooked: Hooked, what: str, error: BaseException) -> None:
        self.worker.log.error(f'plugin "{hooked.name}" failed in {what}: {described(error)}')
        hooked.trace(error)

    def _sessions_of(self, hooked: Hooked) -> Iterator[SessionView]:
        self.worker.reactor.now = self.worker.clock()  # a timer asks, not a socket
        for session in tuple(self.worker.sessions):
            if session.client is not None and not session.status and hooked in session.target.plugins:
                yield view_of(session)

    def _timer_failed(self, use: PluginUse, error: BaseException) -> None:
        self.worker.log.error(f'plugin "{use.name}": a timer failed: {described(error)}')

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = self.worker.loop.create_task(outcome(work), name=name)
        self.worker.tasks.add(task)
        task.add_done_callback(self._spawned)

    def _spawned(self, task: asyncio.Task[None]) -> None:
        self.worker.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.worker.log.error(f"{task.get_name()} failed: {described(error)}")


def in_order(plugins: Iterable[Hooked]) -> tuple[Hooked, ...]:
    """Those of higher priority first."""
    return tuple(sorted(plugins, key=lambda each: rank(each.plugin.priority, each.name)))


def uses_of(configuration: Configuration) -> Iterator[PluginUse]:
    """Every plugin that is written in a configuration, once for each place."""
    yield from [use for _, use in placed_uses(configuration)]


def placed_uses(configuration: Configuration) -> Iterator[tuple[str, PluginUse]]:
    """The same, each with its place as `Worker.place` tells it."""
    stream = configuration.stream
    for use in stream.plugins:
        yield "", use
    for service in stream.gateway.services:
        for use in service.plugins:
            yield f"service {service.name}", use
    for route in stream.gateway.routes:
        for use in route.plugins:
            yield f"route {route.name}", use


def wants_all(configuration: Configuration) -> bool:
    """Whether somebody may ask for any plugin there is: the Admin API."""
    return bool(configuration.main.admin.listens)


def instance(library: Library, use: PluginUse, host: Host, configuration: Configuration, find: Lookup) -> Plugin:
    """A plugin with its configuration; raises StartError with the place and the rule."""
    try:
        if use.name not in library.names():
            raise unknown_plugin(use, library.names())
        kind = library.kind(use.name, use.where)
        complete = read(library.description(use.name), use)
    except ConfigError as error:
        raise StartError(sentence(error)) from None

    def place(form: str, path: str) -> str:
        return os.path.join(configuration.prefix if form == "log_path" else os.path.dirname(configuration.file), path)

    try:
        config = make(kind, complete, place, lambda text: compile_template(text, find))
        return kind(config, host)
    except ValueError as error:
        raise StartError(placed(f'plugin "{use.name}": {error}', use.where)) from None
    except Exception as error:
        raise StartError(placed(f'plugin "{use.name}" cannot be made: {described(error)}', use.where)) from error
