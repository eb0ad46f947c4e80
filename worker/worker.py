"""One worker: what it was born with, compiled for sessions, and how it drains and stops."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from ..shared.birth import Birth
from ..shared.model.log import Level
from ..shared.model.upstream import Resolver
from ..shared.words import WORKER_EVENTS
from .balance import Balancer
from .debugging import DebugConnections
from .health import HealthWatch
from .listener import Listener
from .names import Names
from .passing import Passes
from .pipes import PipePool
from .reactor import Reactor
from .relay import Endpoint, Means
from .session import Session
from .wheel import Wheel

if TYPE_CHECKING:
    from .kit.kit import Kit

ABORTED = WORKER_EVENTS.index("sessions_aborted")


class Worker:
    """The worker's shared parts; sessions reach them through their listener."""

    def __init__(self, birth: Birth, loop: asyncio.AbstractEventLoop) -> None:
        self.birth = birth
        self.loop = loop
        self.log = birth.log
        self.layout = birth.layout
        self.row = birth.row
        self.clock = monotonic
        self.reactor = Reactor(loop, self.handler_crashed)
        self.wheel = Wheel(loop, self.reactor, self.handler_crashed)
        self.pipes = PipePool()
        self.means = Means(self.reactor, self.pipes, birth.row)
        self.session_duration = birth.layout.session_duration
        self.upstream_connect = birth.layout.upstream_connect
        self.connections = birth.configuration.main.worker_connections
        self.stride = birth.configuration.main.worker_processes
        self.offset = birth.slot + 1 - self.stride
        """`$connection` counts from 1 and is unique over the workers: slot + 1, then a stride of workers."""
        self.sessions_begun = 0
        self.sessions: set[Session] = set()
        self.listeners: list[Listener] = []
        self.balancers: dict[str, Balancer] = {}
        self.passes = Passes(self)
        self.health = HealthWatch(self, birth.zones.health)
        self.kit: Kit | None = None
        """What plugins run on; made when the worker's targets are."""
        self.keeps_hellos = birth.configuration.stream.keeps_hellos
        """Whether hellos are kept whole with their sessions, for fingerprints."""
        self.reads_hellos = birth.configuration.stream.reads_hellos
        """Whether a variable, or the Admin API, may ask what a hello said."""
        main = birth.configuration.main
        self.debugging: DebugConnections | None = None
        """`debug_connection`, where there is any."""
        if main.debug_networks or main.debug_unix:
            self.debugging = DebugConnections(main.debug_networks, main.debug_unix)
        self.draining = False
        self.hurried = False
        """Whether the end has to come soon: plugins may not take their time."""
        self._listening = True
        """Whether there is a queue that may still give sessions."""
        self.done = loop.create_future()
        """Set when nothing is left to do."""
        self.tasks: set[asyncio.Task[None]] = set()
        self._names: dict[Resolver, Names] = {}
        self._deadline: asyncio.TimerHandle | None = None

    def names_for(self, resolver: Resolver | None) -> Names | None:
        """The names of a `resolver`, shared by everything that has the same one; None without one."""
        if resolver is None:
            return None
        names = self._names.get(resolver)
        if names is None:
            names = self._names[resolver] = Names(resolver, self.loop)
        return names

    def count(self, event: int, times: int = 1) -> None:
        """Count one of `words.WORKER_EVENTS`, by its index."""
        self.row[self.layout.worker_events + event] += times

    def crashed(self, error: BaseException, number: int = 0) -> None:
        """A bug in one session: told with its traceback, and the others go on."""
        where = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
        place = f" at {where.name}:{where.lineno}" if where else ""
        self.log.alert(f"unexpected {type(error).__name__}: {error}{place}", number)
        if self.log.level >= Level.DEBUG:
            for line in traceback.format_exception(error):
                self.log.debug(line.rstrip(), number)

    def handler_crashed(self, error: BaseException, handler: Callable[..., object]) -> None:
        """The same out of a handler of the reactor: nobody knows in what state its session is, so that is over."""
        owner = getattr(handler, "__self__", None)
        session = owner.session if isinstance(owner, Endpoint) else owner
        if isinstance(session, Session):
            self.crashed(error, session.number)
            session.finish(500)
        else:
            self.crashed(error)

    def drain(self, seconds: float | None) -> None:
        """Stop accepting; be done when the last session has ended, or cut what is left after `seconds`."""
        if self.draining:
            return
        self.draining = True
        self.reactor.now = monotonic()
        for listener in self.listeners:
            listener.drain()
        self._listening = False
        if seconds is not None:
            self.hurried = True
            self._deadline = self.loop.call_later(seconds, self._cut)
        self.ended()

    def ended(self) -> None:
        """A session ended while draining."""
        if not self.sessions and not self._listening and not self.done.done():
            self.done.set_result(None)

    def _cut(self) -> None:
        """Draining has lasted too long: tell of each session that is relayed, and end them."""
        for session in self.sessions:
            if session.tries:
                session.info("shutdown timeout while proxying connection")
        self.abort()

    def abort(self) -> None:
        """Close every session now."""
        self.draining = self.hurried = True
        self._listening = False
        self.reactor.now = monotonic()
        self.count(ABORTED, len(self.sessions))
        for session in tuple(self.sessions):
            session.finish(session.status or 200)
        self.ended()

    def close(self) -> None:
        """Let go of everything that is not memory."""
        if self._deadline is not None:
            self._deadline.cancel()
        for task in self.tasks:
            task.cancel()
        self.wheel.close()
        self.reactor.close()
        self.pipes.close()
