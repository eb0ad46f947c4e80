"""Where the counters of plugins are in a worker's row, and what they mean.

The plugins that a configuration names, and those that come with Penstock, have cells of their own; whatever else the
Admin API brings while workers run is counted together as `other`, since a row's size is fixed when workers are born.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from .model.stream import Configuration

PHASES: Final = ("configure", "certificate", "preread", "connected", "log")
CALLS: Final = 0
"""Cells of a phase: hooks that ended, however;"""
MICROSECONDS: Final = 1
"""how long they took, waiting of async ones included;"""
SLOW: Final = 2
"""plain ones that held up all other sessions;"""
ERRORS: Final = 3
"""exceptions;"""
TIMEOUTS: Final = 4
"""async ones that were cut off."""
PHASE_CELLS: Final = 5
RECORDS: Final = ("queued", "delivered", "dropped", "retried")
"""What a queue does to records."""
PLUGIN_CELLS: Final = len(PHASES) * PHASE_CELLS + len(RECORDS)
SHIPPED: Final = (
    "acl",
    "bandwidth",
    "file-log",
    "geo",
    "http-log",
    "ip-restriction",
    "pre-function",
    "prometheus",
    "rate-limiting",
    "session-termination",
    "statsd",
    "syslog",
    "tcp-log",
    "udp-log",
)
"""The plugins that come with Penstock."""
OTHER: Final = "other"


class PluginCell(NamedTuple):
    """What a cell counts; `phase` is empty for records."""

    plugin: str
    phase: str
    what: int


class PluginCells:
    """The block of a row."""

    __slots__ = ("_number", "base", "named", "names", "size")

    def __init__(self, configuration: Configuration, base: int) -> None:
        self.named = tuple(sorted(set(plugin_names(configuration))))
        """Those of the configuration."""
        self.names = (*sorted({*self.named, *SHIPPED}), OTHER)
        self._number = {name: number for number, name in enumerate(self.names)}
        self.base = base
        self.size = len(self.names) * PLUGIN_CELLS

    def phase(self, name: str, phase: str) -> int:
        """Add CALLS and its like."""
        return self._at(name) + PHASES.index(phase) * PHASE_CELLS

    def records(self, name: str) -> int:
        """Add `RECORDS.index(word)`."""
        return self._at(name) + len(PHASES) * PHASE_CELLS

    def cells(self) -> Iterator[tuple[int, PluginCell]]:
        """Every cell with what it counts."""
        for name in self.names:
            for phase in PHASES:
                for what in range(PHASE_CELLS):
                    yield self.phase(name, phase) + what, PluginCell(name, phase, what)
            for what in range(len(RECORDS)):
                yield self.records(name) + what, PluginCell(name, "", what)

    def _at(self, name: str) -> int:
        return self.base + self._number.get(name, len(self.names) - 1) * PLUGIN_CELLS


def plugin_names(configuration: Configuration) -> Iterator[str]:
    """The plugins that a configuration names, in any order, also twice."""
    stream = configuration.stream
    yield from (use.name for use in stream.plugins)
    for service in stream.gateway.services:
        yield from (use.name for use in service.plugins)
    # a generator for each of 100,000 routes would take as long as all the rest of a layout
    yield from [use.name for route in stream.gateway.routes for use in route.plugins]
