"""One plugin at one place in the configuration: its instance, its hooks, and how their calls are counted."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from ...shared.model.plugin import PluginUse
from ...shared.plugin import Plugin, hooks_of
from ...shared.plugin_counters import CALLS, ERRORS, MICROSECONDS, PHASES, SLOW, TIMEOUTS
from .timers import Timers

if TYPE_CHECKING:
    from ..worker import Worker

SLOW_AFTER: Final = 0.05
"""Seconds that a plain hook may hold up everybody else."""
TRACE_INTERVAL: Final = 60.0
"""Seconds between two tracebacks of one plugin."""

Call = Callable[..., Any]


class Escape(RuntimeError):
    """A hook wanted to end more than its session: it called `exit`, or cancelled what is not its own."""


class Hooked:
    """See the module."""

    __slots__ = (
        "_traced",
        "cells",
        "certificate",
        "connected",
        "log",
        "name",
        "plugin",
        "preread",
        "timers",
        "use",
        "worker",
    )

    def __init__(self, worker: Worker, name: str, plugin: Plugin, use: PluginUse, timers: Timers) -> None:
        hooks = hooks_of(type(plugin))
        self.worker = worker
        self.name = name
        self.plugin = plugin
        self.use = use
        self.timers = timers
        self.certificate: Call | None = plugin.certificate if "certificate" in hooks else None
        self.preread: Call | None = plugin.preread if "preread" in hooks else None
        self.connected: Call | None = plugin.connected if "connected" in hooks else None
        self.log: Call | None = plugin.log if "log" in hooks else None
        self.cells = {phase: worker.layout.plugins.phase(name, phase) for phase in PHASES}
        self._traced = -TRACE_INTERVAL

    def call(self, phase: str, hook: Call, *arguments: object) -> Awaitable[None] | None:
        """Call a hook: what is to be awaited of an async one. Its exceptions pass, counted."""
        begun = perf_counter()
        work: Awaitable[None] | None = None
        try:
            work = hook(*arguments)
        except BaseException as error:
            self.count(phase, ERRORS)
            if isinstance(error, Exception):
                raise
            raise Escape(f"{type(error).__name__} out of a hook") from error
        finally:
            took = perf_counter() - begun
            if work is None:
                self.ended(phase, took)
            if took > SLOW_AFTER:
                self.held_up(phase, took)
        return work

    def ended(self, phase: str, seconds: float) -> None:
        """Count a hook that ended."""
        row, cell = self.worker.row, self.cells[phase]
        row[cell + CALLS] += 1
        row[cell + MICROSECONDS] += int(seconds * 1_000_000)

    def held_up(self, phase: str, seconds: float) -> None:
        """A hook blocked the loop, and with it every session of this worker."""
        self.count(phase, SLOW)
        self.worker.reactor.now = self.worker.clock()
        self.worker.log.warn(
            f'plugin "{self.name}": {phase} held up the worker for {seconds * 1000:.0f} ms; '
            "what takes long belongs in an async hook"
        )

    def timed_out(self, phase: str) -> None:
        """Count an async hook that was cut off."""
        self.count(phase, TIMEOUTS)

    def failed(self, phase: str) -> None:
        """Count an async hook that raised."""
        self.count(phase, ERRORS)

    def count(self, phase: str, what: int) -> None:
        """Count something of a phase."""
        self.worker.row[self.cells[phase] + what] += 1

    def trace(self, error: BaseException, number: int = 0) -> None:
        """Write the traceback of a hook's exception, unless that was done within the last minute."""
        now = self.worker.clock()
        if now - self._traced < TRACE_INTERVAL:
            return
        self._traced = now
        for part in traceback.format_exception(error):
            for line in part.rstrip().splitlines():
                self.worker.log.error(line, number)


def described(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
