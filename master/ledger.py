"""The sum of all workers' counters since the master started.

Rows of live workers are read when somebody asks. The row of a worker that ended is folded into a base keyed by what
the metrics are labelled with, not by cell, so that totals never go back: not when a worker dies, not when a reload
changes the layout, not when a route goes away and comes again. Gauges end with their worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, NamedTuple

from ..shared.counters import AIMED, Histogram, Layout, handshake_offset, server_service, touched
from ..shared.model.listen import Mode
from ..shared.plugin_counters import CALLS, ERRORS, RECORDS, SLOW, TIMEOUTS, PluginCell
from ..shared.words import (
    CONNECT_OUTCOMES,
    HANDSHAKE_OUTCOMES,
    REFUSALS,
    SNIFF_OUTCOMES,
    STATUSES,
    TLS_VERSIONS,
    WORKER_EVENTS,
)

KNOWN_LIMIT: Final = 1000
"""Series of one kind that are shown before anything is counted in them; beyond it they appear when touched."""
NO_VERSION: Final = "none"
"""The `version` of a handshake that ended before one was agreed."""
DIRECTIONS: Final = ("in", "out")
SUM: Final = "sum"
"""The label, in place of a bucket's number, of a histogram's sum in microseconds."""


class Family(Enum):
    """What is counted; the value names the labels of its keys."""

    SESSIONS = ("listener", "route", "service", "status")
    BYTES = ("listener", "route", "direction")
    SESSION_DURATION = ("session duration's bucket",)
    UPSTREAM_CONNECT = ("upstream connect's bucket",)
    CONNECTS = ("upstream", "peer", "outcome")
    HANDSHAKES = ("listener", "version", "resumed", "outcome")
    SNIFF = ("listener", "outcome")
    REFUSED = ("listener", "reason")
    EVENTS = ("event",)
    PLUGIN_PHASES = ("plugin", "phase", "cell")
    PLUGIN_RECORDS = ("plugin", "outcome")
    ACTIVE = ("of a listener",)


class Key(NamedTuple):
    """One series."""

    family: Family
    labels: tuple[str, ...]


class Row(NamedTuple):
    """A worker's row with what explains it."""

    layout: Layout
    cells: memoryview


class Ledger:
    """Adds up the rows."""

    def __init__(self) -> None:
        self._base: dict[Key, int] = {}
        self._rows: dict[tuple[int, int], Row] = {}
        self._known: dict[int, tuple[Key, ...]] = {}

    def add(self, generation: int, slot: int, layout: Layout, row: memoryview) -> None:
        """Count the row of a worker that is about to be forked."""
        self.retire(generation, slot)
        if generation not in self._known:
            self._known[generation] = tuple(known_series(layout))
        self._rows[generation, slot] = Row(layout, row)

    def retire(self, generation: int, slot: int) -> None:
        """Keep what a worker that is gone has counted, and leave its row empty for the one that takes the slot."""
        row = self._rows.pop((generation, slot), None)
        if row is None:
            return
        fold(row, self._base)
        clear(row)
        if not any(alive == generation for alive, _ in self._rows):
            self._known.pop(generation, None)

    def samples(self) -> Mapping[Key, int]:
        """The value of every series now."""
        values = {key: 0 for known in self._known.values() for key in known}
        for layout in {row.layout: None for row in self._rows.values()}:
            values.update(dict.fromkeys(known_later(layout), 0))
        values.update(self._base)
        for row in self._rows.values():
            fold(row, values)
            fold_gauges(row, values)
        return values


def fold(row: Row, into: dict[Key, int]) -> None:
    """Add the counters of a row."""
    for key, value in _counters(row):
        into[key] = into.get(key, 0) + value


def fold_gauges(row: Row, into: dict[Key, int]) -> None:
    """Add the gauges of a row."""
    for number, label in enumerate(row.layout.labels):
        key = Key(Family.ACTIVE, (label,))
        into[key] = into.get(key, 0) + row.cells[row.layout.active(number)]


def clear(row: Row) -> None:
    """Zero every cell that may hold something, except the row's number."""
    for part in touched(row.cells, range(1, row.layout.size)):
        row.cells[part[0] : part[-1] + 1] = memoryview(bytes(len(part) * row.cells.itemsize)).cast("Q")


def _counters(row: Row) -> Iterator[tuple[Key, int]]:
    layout, cells = row
    for offset, event in enumerate(WORKER_EVENTS):
        yield Key(Family.EVENTS, (event,)), cells[layout.worker_events + offset]
    yield from _histogram(Family.SESSION_DURATION, layout.session_duration, cells)
    yield from _histogram(Family.UPSTREAM_CONNECT, layout.upstream_connect, cells)
    yield from _plugins(layout, cells)
    for number, label in enumerate(layout.labels):
        yield from _listener(layout, number, label, cells)
    yield from _connects(layout, cells)
    yield from _sessions(layout, cells)


def _plugins(layout: Layout, cells: memoryview) -> Iterator[tuple[Key, int]]:
    for at, cell in layout.plugins.cells():
        if value := cells[at]:
            yield plugin_key(cell), value


def plugin_key(cell: PluginCell) -> Key:
    """The series of one of a plugin's cells."""
    if cell.phase:
        return Key(Family.PLUGIN_PHASES, (cell.plugin, cell.phase, str(cell.what)))
    return Key(Family.PLUGIN_RECORDS, (cell.plugin, RECORDS[cell.what]))


def _histogram(family: Family, histogram: Histogram, cells: memoryview) -> Iterator[tuple[Key, int]]:
    for number in range(len(histogram.bounds) + 1):
        yield Key(family, (str(number),)), cells[histogram.base + number]
    yield Key(family, (SUM,)), cells[histogram.sum_at]


def _listener(layout: Layout, number: int, label: str, cells: memoryview) -> Iterator[tuple[Key, int]]:
    for offset, word in enumerate(SNIFF_OUTCOMES):
        if value := cells[layout.sniff(number) + offset]:
            yield Key(Family.SNIFF, (label, word)), value
    for offset, word in enumerate(REFUSALS):
        if value := cells[layout.refused(number) + offset]:
            yield Key(Family.REFUSED, (label, word)), value
    base = layout.handshakes(number)
    for version in (None, *TLS_VERSIONS):
        for resumed in (False, True):
            for outcome in HANDSHAKE_OUTCOMES:
                if value := cells[base + handshake_offset(version, resumed, outcome)]:
                    yield handshake_key(label, version, resumed, outcome), value


def handshake_key(label: str, version: str | None, resumed: bool, outcome: str) -> Key:
    """The series of one kind of handshake."""
    return Key(Family.HANDSHAKES, (label, version or NO_VERSION, "yes" if resumed else "no", outcome))


def _connects(layout: Layout, cells: memoryview) -> Iterator[tuple[Key, int]]:
    for part in touched(cells, layout.connect_cells()):
        for cell in part:
            if value := cells[cell]:
                yield Key(Family.CONNECTS, layout.peer_at(cell)), value


def _sessions(layout: Layout, cells: memoryview) -> Iterator[tuple[Key, int]]:
    for part in touched(cells, layout.session_cells()):
        for cell in part:
            if value := cells[cell]:
                listener, target, offset = layout.pair_at(cell)
                route, service = layout.target_labels(target)
                label = layout.labels[listener]
                if offset < len(STATUSES):
                    yield Key(Family.SESSIONS, (label, route, service, str(STATUSES[offset]))), value
                else:
                    yield Key(Family.BYTES, (label, route, DIRECTIONS[offset - len(STATUSES)])), value


def known_series(layout: Layout) -> Iterator[Key]:
    """The series that a configuration names: they start at 0, so that the first event is an increase for `rate()`."""
    yield from _within_limit(_known_of_servers(layout), KNOWN_LIMIT)
    yield from _within_limit(_known_of_routes(layout), KNOWN_LIMIT)
    yield from _within_limit(_known_of_listeners(layout), KNOWN_LIMIT)
    yield from _within_limit(_known_connects(layout), KNOWN_LIMIT)
    yield from _within_limit(_known_of_plugins(layout), KNOWN_LIMIT)


def known_later(layout: Layout) -> list[Key]:
    """The series of what records have brought since."""
    return [*_within_limit(_later_routes(layout), KNOWN_LIMIT), *_within_limit(_later_connects(layout), KNOWN_LIMIT)]


def _within_limit(keys: Iterator[Key], limit: int) -> list[Key]:
    """All of them, or none where they are too many."""
    kept: dict[Key, None] = {}
    for key in keys:
        kept[key] = None
        if len(kept) > limit:
            return []
    return list(kept)


def _known_of_servers(layout: Layout) -> Iterator[Key]:
    for label in layout.labels:
        yield from _target(label, "", "")
    for server in layout.configuration.stream.servers:
        for listen in server.listens:
            yield from _target(listen.label, "", server_service(server))


def _known_of_routes(layout: Layout) -> Iterator[Key]:
    stream = layout.configuration.stream
    for listen in stream.gateway.listens:
        for route in stream.gateway.routes:
            yield from _target(listen.label, route.name, route.service.name if route.service else "")


def _later_routes(layout: Layout) -> Iterator[Key]:
    for route, service in layout.live.routes if layout.live is not None else ():
        for listen in layout.configuration.stream.gateway.listens:
            yield from _target(listen.label, route, service)


def _later_connects(layout: Layout) -> Iterator[Key]:
    for upstream, peer in layout.live.peers if layout.live is not None else ():
        for outcome in CONNECT_OUTCOMES:
            yield Key(Family.CONNECTS, (upstream, peer, outcome))


def _target(label: str, route: str, service: str) -> Iterator[Key]:
    for status in STATUSES:
        yield Key(Family.SESSIONS, (label, route, service, str(status)))
    for direction in DIRECTIONS:
        yield Key(Family.BYTES, (label, route, direction))


def _known_of_listeners(layout: Layout) -> Iterator[Key]:
    stream = layout.configuration.stream
    for label in layout.labels:
        for word in REFUSALS:
            yield Key(Family.REFUSED, (label, word))
    sniffing = [listen for server in stream.servers if server.settings.ssl_preread for listen in server.listens]
    for listen in (*sniffing, *stream.gateway.listens):
        for word in SNIFF_OUTCOMES:
            yield Key(Family.SNIFF, (listen.label, word))
    terminating = [listen for server in stream.servers for listen in server.listens if listen.ssl]
    for listen in (*terminating, *(listen for listen in stream.gateway.listens if listen.mode is not Mode.PLAIN)):
        for version in ("TLSv1.2", "TLSv1.3"):
            for resumed in (False, True):
                yield handshake_key(listen.label, version, resumed, "ok")
        for outcome in ("failed", "timeout"):
            yield handshake_key(listen.label, None, False, outcome)


def _known_connects(layout: Layout) -> Iterator[Key]:
    for number, upstream in enumerate(layout.upstreams):
        for peer in layout.peers(number) if upstream != AIMED else ():
            for outcome in CONNECT_OUTCOMES:
                yield Key(Family.CONNECTS, (upstream, peer, outcome))


def _known_of_plugins(layout: Layout) -> Iterator[Key]:
    for _, cell in layout.plugins.cells():
        if cell.plugin in layout.plugins.named and (cell.what in (CALLS, SLOW, ERRORS, TIMEOUTS) or not cell.phase):
            yield plugin_key(cell)
