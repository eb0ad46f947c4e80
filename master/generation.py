"""One applied configuration: its sockets, its rows of counters, its logs, and the workers that serve it."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Final

from ..shared.birth import Birth
from ..shared.counters import Layout, make_rows
from ..shared.errorlog import SECRET_MODE, STDERR, ErrorLog, LogFiles
from ..shared.every_settings import every_settings
from ..shared.live.live import Live
from ..shared.model.stream import Configuration, User
from ..shared.model.upstream import Upstream
from ..shared.tls_contexts import blank, server_keys
from ..shared.zones import Zones
from .child import Child, State, WorkerMain, fork_worker
from .listeners import Plan
from .respawn import Backoff
from .syslog import syslog_servers
from .zones import ZonePool

SECRET: Final = 32
"""Bytes."""
READY_WITHIN: Final = 30.0
"""Seconds in which every worker of a new generation has to be ready."""


class Logs:
    """The log files of a configuration, all open, and the main context's error log."""

    def __init__(self, configuration: Configuration, now: Callable[[], float], stderr: int) -> None:
        """Open everything that has a constant name; raises StartError after closing what was opened.

        `stderr` is the descriptor 2 that the program was started with. In the background nobody may hold on to it who
        does not log there: whoever started us may be waiting for it to be closed.
        """
        self.files = LogFiles(stderr if speaks_to_stderr(configuration) else 2, syslog_servers())
        try:
            self.log = ErrorLog(configuration.main.error_logs, self.files, now, os.getpid)
            for path in log_paths(configuration):
                self.files.open(path)
            for path in key_log_paths(configuration):
                self.files.open(path, SECRET_MODE)  # OpenSSL opens its own; this one is what USR1 gives to the workers
        except BaseException:
            self.files.close()
            raise

    def reopen(self, user: User | None) -> list[str]:
        """Follow rotated files (USR1), and let the workers' user do the same; what failed, a sentence each."""
        complaints = self.files.reopen()
        if user is not None and os.geteuid() == 0:
            complaints += self.files.chown(user.uid)
        return complaints

    def close(self) -> None:
        """Close them in this process."""
        self.files.close()


class Generation:
    """A configuration in force, about to be, or on its way out."""

    def __init__(
        self,
        number: int,
        configuration: Configuration,
        plan: Plan,
        logs: Logs,
        contexts: ContextPool,
        zones: ZonePool | None = None,
        live: Live | None = None,
    ) -> None:
        self.number = number
        self.configuration = configuration
        self.plan = plan
        self.logs = logs
        self.live = live
        self.layout = Layout(configuration, None if live is None else live.cells)
        self.contexts = contexts.of(configuration)
        self._ticket_secret = contexts.secret
        self.memory, self.rows = make_rows(self.layout, self.slots)
        self._pool = zones or ZonePool()
        self.limits = self._pool.limits(configuration)
        self.peers = self._pool.peers(configuration)
        self._found = self._pool.found(configuration)
        self.health = self._pool.health(configuration, wanted=live is not None)
        self._rates = self._pool.rates(configuration)
        self.series = self._pool.series(configuration)
        self._seats: dict[int, int] = {}
        """By slot, while there are limits to count."""
        self.backoffs = [Backoff() for _ in range(self.slots)]
        self.children: dict[int, Child] = {}
        """Alive, by slot."""
        self.leaving = False
        """Whether its workers were asked to go, so that none is born again."""

    def upstreams(self) -> list[Upstream]:
        """Those whose peers may be checked."""
        written = list(self.configuration.stream.upstreams.values())
        return written + (list(self.live.upstreams()) if self.live is not None else [])

    @property
    def slots(self) -> int:
        """The number of workers."""
        return self.configuration.main.worker_processes

    @property
    def ready(self) -> bool:
        """Whether every slot has a worker that accepts."""
        return self.workers_ready == self.slots

    @property
    def workers_ready(self) -> int:
        """How many workers accept."""
        return sum(child.state is State.READY for child in self.children.values())

    def spawn(self, slot: int, enter: WorkerMain, born: float) -> Child:
        """Fork the worker of a slot; raises OSError."""

        def birth(control: socket.socket) -> Birth:
            return Birth(
                slot=slot,
                generation=self.number,
                configuration=self.configuration,
                listeners=self.plan.for_slot(slot),
                control=control,
                layout=self.layout,
                row=self.rows[slot],
                contexts=self.contexts,
                log=self.logs.log,
                files=self.logs.files,
                privileged=os.geteuid() == 0,
                live=self.live,
                ticket_secret=self._ticket_secret,
                zones=self._zones(slot),
            )

        if self.limits:
            self._seats[slot] = self._pool.sit()
        try:
            child = fork_worker(birth, enter, born)
        except OSError:
            self._rise(slot)
            raise
        self.children[slot] = child
        return child

    def forget(self, child: Child) -> None:
        """A worker of it is gone."""
        if self.children.get(child.slot) is child:
            del self.children[child.slot]
            self._rise(child.slot)
            for zone in self.peers.values():
                zone.forget(child.slot)

    def _zones(self, slot: int) -> Zones:
        return Zones(
            seat=self._seats.get(slot, 0),
            limits=self.limits,
            peers=self.peers,
            found=self._found,
            health=self.health,
            rates=self._rates,
            series=self.series,
            descriptors=self._pool.descriptors(),
        )

    def _rise(self, slot: int) -> None:
        seat = self._seats.pop(slot, None)
        if seat is not None:
            self._pool.rise(seat, self.limits)

    def drain(self) -> None:
        """Ask every worker to let its sessions end."""
        self.leaving = True
        for child in self.children.values():
            child.drain(self.configuration.main.worker_shutdown_timeout)

    def stop(self) -> None:
        """Ask every worker to close everything now."""
        self.leaving = True
        for child in self.children.values():
            child.stop()


class ContextPool:
    """The blank TLS contexts, the same from one generation to the next, so that sessions resume across a reload."""

    def __init__(self) -> None:
        self._contexts: dict[Hashable, ssl.SSLContext] = {}
        self.secret: Final = os.urandom(SECRET)
        """For contexts that workers make later: what they derive from it is the same in all of them."""

    def of(self, configuration: Configuration) -> Mapping[Hashable, ssl.SSLContext]:
        """Those that a configuration needs."""
        return {
            key: self._contexts.get(key) or self._contexts.setdefault(key, blank())
            for key in server_keys(configuration)
        }

    def keep(self, contexts: Mapping[Hashable, ssl.SSLContext]) -> None:
        """Forget all others: what comes back after a while has new keys."""
        self._contexts = dict(contexts)


def log_paths(configuration: Configuration) -> Iterator[str]:
    """Every log file with a constant name."""
    for settings in every_settings(configuration.stream):
        for access in settings.access_logs:
            if access.syslog is None and access.path.constant:
                yield access.path.constant
        for target in settings.error_logs:
            if target.syslog is None:
                yield target.path


def key_log_paths(configuration: Configuration) -> Iterator[str]:
    """The files of `ssl_key_log` and `proxy_ssl_key_log`."""
    for settings in every_settings(configuration.stream):
        yield from filter(None, (settings.tls.key_log, settings.upstream_tls.key_log))


def every_log_path(configuration: Configuration) -> Iterator[str]:
    """Those, and the main context's error logs."""
    yield from (target.path for target in configuration.main.error_logs if target.syslog is None)
    yield from log_paths(configuration)


def speaks_to_stderr(configuration: Configuration) -> bool:
    """Whether anything is logged to the original descriptor 2."""
    return STDERR in every_log_path(configuration)
