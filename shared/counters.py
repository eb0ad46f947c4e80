"""The counters that workers write and the master reads: rows of unsigned 64-bit cells in shared memory.

Each worker owns one row, so that counting is `row[index] += n` and needs no lock. `Layout` says which cell means
what, by arithmetic: a configuration with 100,000 routes costs a few integers, and those cells of the sessions'
block that nobody touched cost no memory either, because `make_rows` takes them from a memfd and `touched` asks the
kernel where its data is instead of reading (reading an untouched page of shared memory would allocate it).

    row number | worker events | session_duration | upstream_connect | plugins | listeners | connects | sessions
    and bytes

Listeners are numbered by label: those of the servers in the order written, then the gateway's. Targets are what
sessions end up at: 0 is none, then one per server, then one per route. Where records may bring routes and upstreams
while the generation serves, there is room for their targets and peers behind the others, numbered by `live.cells`.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from .live.cells import Cells
from .model.stream import Configuration, ProxyPass, Server
from .model.upstream import Upstream
from .plugin_counters import PluginCells
from .words import (
    CONNECT_OUTCOMES,
    HANDSHAKE_OUTCOMES,
    REFUSALS,
    SNIFF_OUTCOMES,
    STATUSES,
    TLS_VERSIONS,
    WORKER_EVENTS,
)

STATUS_OFFSET: Final = {status: offset for offset, status in enumerate(STATUSES)}
"""Added to `Layout.sessions(...)`."""
BYTES_IN: Final = 0
"""Added to `Layout.bytes(...)`: from the client."""
BYTES_OUT: Final = 1
"""To the client."""

DURATION_BOUNDS: Final = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    900.0,
    3600.0,
)
"""Seconds: from a request's worth of session to an hour of an idle connection."""
CONNECT_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: from the same machine to the retransmitted SYNs of a lossy way."""

AIMED: Final = "plugin"
"""The upstream, with a peer of the same name, under which connects to addresses that plugins chose are counted."""
CELL: Final = 8
"""Bytes."""
TARGET_CELLS: Final = len(STATUSES) + 2
HANDSHAKE_CELLS: Final = (len(TLS_VERSIONS) + 1) * 2 * len(HANDSHAKE_OUTCOMES)
SNIFF_AT: Final = 1
REFUSED_AT: Final = SNIFF_AT + len(SNIFF_OUTCOMES)
HANDSHAKES_AT: Final = REFUSED_AT + len(REFUSALS)
LISTENER_CELLS: Final = HANDSHAKES_AT + HANDSHAKE_CELLS


def handshake_offset(version: str | None, resumed: bool, outcome: str) -> int:
    """What to add to `Layout.handshakes(listener)`; an unknown version counts as none."""
    number = TLS_VERSIONS.index(version) + 1 if version in TLS_VERSIONS else 0
    return (number * 2 + resumed) * len(HANDSHAKE_OUTCOMES) + HANDSHAKE_OUTCOMES.index(outcome)


class Histogram:
    """Cells of a histogram: one per bucket, not cumulative, the last for what is above all bounds; then the sum."""

    __slots__ = ("base", "bounds", "size", "sum_at")

    def __init__(self, bounds: tuple[float, ...], base: int) -> None:
        self.bounds = bounds
        self.base = base
        self.sum_at = base + len(bounds) + 1
        """The cell of the sum, in microseconds."""
        self.size = len(bounds) + 2

    def observe(self, row: memoryview, seconds: float) -> None:
        """Count one observation; a clock that went back counts as 0."""
        row[self.base + bisect_left(self.bounds, seconds)] += 1
        if seconds > 0.0:
            row[self.sum_at] += int(seconds * 1_000_000)


class Layout:
    """Where each counter of a configuration is in a row."""

    __slots__ = (
        "_connect_base",
        "_connects_at",
        "_known_targets",
        "_listener_number",
        "_listeners_at",
        "_live_connects_at",
        "_peers",
        "_sessions_at",
        "_target_count",
        "_upstream_number",
        "configuration",
        "labels",
        "live",
        "plugins",
        "session_duration",
        "size",
        "upstream_connect",
        "upstreams",
        "worker_events",
    )

    def __init__(self, configuration: Configuration, live: Cells | None = None) -> None:
        stream = configuration.stream
        self.configuration = configuration
        self.live = live
        """The numbers of what comes later; None where nothing does."""
        self._listener_number = _number_listeners(configuration)
        self.labels = tuple(self._listener_number)
        """The labels of the listeners, by number."""
        self._known_targets = 1 + len(stream.servers) + len(stream.gateway.routes)
        self._target_count = self._known_targets + (live.routes_room if live is not None else 0)
        peers = _peers_by_upstream(configuration)
        self._upstream_number = {name: number for number, name in enumerate(peers)}
        self.upstreams = tuple(peers)
        """The names of the upstreams, by number."""
        self._peers = tuple(peers.values())

        self.worker_events = 1
        """Add `WORKER_EVENTS.index(word)`."""
        self.session_duration = Histogram(DURATION_BOUNDS, self.worker_events + len(WORKER_EVENTS))
        self.upstream_connect = Histogram(CONNECT_BOUNDS, self.session_duration.base + self.session_duration.size)
        self.plugins = PluginCells(configuration, self.upstream_connect.base + self.upstream_connect.size)
        self._listeners_at = self.plugins.base + self.plugins.size
        self._connects_at = self._listeners_at + len(self.labels) * LISTENER_CELLS
        self._connect_base: list[int] = []
        base = self._connects_at
        for names in self._peers:
            self._connect_base.append(base)
            base += len(names) * len(CONNECT_OUTCOMES)
        self._live_connects_at = base
        base += (live.peers_room if live is not None else 0) * len(CONNECT_OUTCOMES)
        self._sessions_at = base
        self.size = base + len(self.labels) * self._target_count * TARGET_CELLS
        """Cells in a row."""

    @classmethod
    def for_configuration(cls, configuration: Configuration, live: Cells | None = None) -> Layout:
        """The layout of a generation's rows."""
        return cls(configuration, live)

    # Numbers of things.

    def listener(self, label: str) -> int:
        """The number of a listener by `Listen.label`."""
        return self._listener_number[label]

    def server_target(self, index: int) -> int:
        """The target of `stream.servers[index]`."""
        return 1 + index

    def route_target(self, index: int) -> int:
        """The target of `stream.gateway.routes[index]`."""
        return 1 + len(self.configuration.stream.servers) + index

    def live_target(self, number: int) -> int:
        """The target of a record's route, by its number in `live`."""
        return self._known_targets + number

    def upstream(self, name: str) -> int:
        """The number of an upstream by name; a `proxy_pass` with variables is one under its text."""
        return self._upstream_number[name]

    def peer(self, upstream: int, name: str) -> int:
        """The number of a peer by `Peer.name`, also when it stands for several addresses."""
        return self._peers[upstream].index(name)

    def peers(self, upstream: int) -> tuple[str, ...]:
        """The names of an upstream's peers, by number; equal names may repeat."""
        return self._peers[upstream]

    # Cells.

    def active(self, listener: int) -> int:
        """The gauge of open sessions."""
        return self._listeners_at + listener * LISTENER_CELLS

    def sniff(self, listener: int) -> int:
        """Add `SNIFF_OUTCOMES.index(word)`."""
        return self._listeners_at + listener * LISTENER_CELLS + SNIFF_AT

    def refused(self, listener: int) -> int:
        """Add `REFUSALS.index(word)`."""
        return self._listeners_at + listener * LISTENER_CELLS + REFUSED_AT

    def handshakes(self, listener: int) -> int:
        """Add `handshake_offset(...)`."""
        return self._listeners_at + listener * LISTENER_CELLS + HANDSHAKES_AT

    def handshake(self, listener: int, version: str | None, resumed: bool, outcome: str) -> int:
        """The cell of one kind of handshake with clients; `version` as `SSLSocket.version()` gives it."""
        return self.handshakes(listener) + handshake_offset(version, resumed, outcome)

    def connects(self, upstream: int, peer: int) -> int:
        """Add `CONNECT_OUTCOMES.index(word)`."""
        return self._connect_base[upstream] + peer * len(CONNECT_OUTCOMES)

    def live_connects(self, upstream: str, peer: str) -> int:
        """The same of a peer that a record brings."""
        assert self.live is not None
        return self._live_connects_at + self.live.peers.number((upstream, peer)) * len(CONNECT_OUTCOMES)

    def sessions(self, listener: int, target: int) -> int:
        """Add `STATUS_OFFSET[status]`."""
        return self._sessions_at + (listener * self._target_count + target) * TARGET_CELLS

    def bytes(self, listener: int, target: int) -> int:
        """Add `BYTES_IN` or `BYTES_OUT`."""
        return self.sessions(listener, target) + len(STATUSES)

    # The way back, for whoever reads a row.

    def target_labels(self, target: int) -> tuple[str, str]:
        """Route and service of a target."""
        if target == 0:
            return "", ""
        stream = self.configuration.stream
        if target <= len(stream.servers):
            return "", server_service(stream.servers[target - 1])
        if target >= self._known_targets and self.live is not None:
            return self.live.routes.labels_of(target - self._known_targets)
        route = stream.gateway.routes[target - 1 - len(stream.servers)]
        return route.name, route.service.name if route.service else ""

    def session_cells(self) -> range:
        """The cells of sessions and bytes, `TARGET_CELLS` for each listener and target."""
        return range(self._sessions_at, self.size)

    def connect_cells(self) -> range:
        """The cells of connects, `CONNECT_OUTCOMES` of them for each peer."""
        return range(self._connects_at, self._sessions_at)

    def pair_at(self, cell: int) -> tuple[int, int, int]:
        """Listener, target and offset of one of the `session_cells`."""
        combination, offset = divmod(cell - self._sessions_at, TARGET_CELLS)
        return *divmod(combination, self._target_count), offset

    def peer_at(self, cell: int) -> tuple[str, str, str]:
        """Upstream, peer and outcome of one of the `connect_cells`."""
        if cell >= self._live_connects_at and self.live is not None:
            number, outcome = divmod(cell - self._live_connects_at, len(CONNECT_OUTCOMES))
            return *self.live.peers.labels_of(number), CONNECT_OUTCOMES[outcome]
        upstream = bisect_right(self._connect_base, cell) - 1
        peer, outcome = divmod(cell - self._connect_base[upstream], len(CONNECT_OUTCOMES))
        return self.upstreams[upstream], self._peers[upstream][peer], CONNECT_OUTCOMES[outcome]


def server_service(server: Server) -> str:
    """The `service` label of a server's sessions."""
    return server.handler.text if isinstance(server.handler, ProxyPass) else ""


def _number_listeners(configuration: Configuration) -> dict[str, int]:
    numbers: dict[str, int] = {}
    stream = configuration.stream
    for listen in (*(listen for server in stream.servers for listen in server.listens), *stream.gateway.listens):
        numbers.setdefault(listen.label, len(numbers))
    return numbers


def _peers_by_upstream(configuration: Configuration) -> dict[str, tuple[str, ...]]:
    """Every upstream that a session may meet, with the names of its peers."""
    peers: dict[str, tuple[str, ...]] = {}
    stream = configuration.stream

    def add(upstream: Upstream) -> None:
        names = tuple(peer.name for peer in upstream.peers)
        known = peers.setdefault(upstream.name, names)
        if known != names:  # two implicit upstreams of one name that resolved differently
            peers[upstream.name] = known + tuple(name for name in names if name not in known)

    for upstream in stream.upstreams.values():
        add(upstream)
    for server in stream.servers:
        if not isinstance(server.handler, ProxyPass):
            continue
        if server.handler.upstream is not None:
            add(server.handler.upstream)
        elif server.handler.template is not None:
            peers.setdefault(server.handler.text, (server.handler.text,))
    for service in stream.gateway.services:
        add(service.upstream)
    for route in stream.gateway.routes:
        if route.service is not None and route.service.upstream.name not in peers:
            add(route.service.upstream)
    peers.setdefault(AIMED, (AIMED,))
    return peers


class SharedRows(mmap.mmap):
    """The memory of the rows, with the descriptor that tells which pages of it hold data.

    A forked child closes descriptors by number, ours and the one that `mmap` keeps; it holds on to its row
    until it exits, so that nobody closes those numbers a second time.
    """

    descriptor: int = -1
    owner: int = 0
    """The process whose descriptor it is."""
    row_bytes: int = 0

    def __del__(self) -> None:
        if self.descriptor >= 0 and self.owner == os.getpid():
            os.close(self.descriptor)
            self.descriptor = -1


def make_rows(layout: Layout, workers: int) -> tuple[SharedRows, list[memoryview]]:
    """Zeroed memory that forked children share, and one row of it per worker, each on pages of its own."""
    row_bytes = -(-layout.size * CELL // mmap.PAGESIZE) * mmap.PAGESIZE
    descriptor = os.memfd_create("penstock-counters", os.MFD_CLOEXEC)
    try:
        os.ftruncate(descriptor, max(row_bytes * workers, mmap.PAGESIZE))
        memory = SharedRows(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    memory.descriptor = descriptor
    memory.owner = os.getpid()
    memory.row_bytes = row_bytes
    whole = memoryview(memory)
    rows = [whole[number * row_bytes :][: layout.size * CELL].cast("Q") for number in range(workers)]
    for number, row in enumerate(rows):
        row[0] = number
    return memory, rows


def touched(row: memoryview, cells: range) -> Iterator[Sequence[int]]:
    """The parts of `cells` that may hold anything but zeros, as ranges of cells."""
    memory = row.obj
    if not isinstance(memory, SharedRows):
        yield cells
        return
    origin = row[0] * memory.row_bytes
    at, end = origin + cells.start * CELL, origin + cells.stop * CELL
    while at < end:
        try:
            data = os.lseek(memory.descriptor, at, os.SEEK_DATA)
        except OSError:  # ENXIO: only holes from here on
            return
        if data >= end:
            return
        at = os.lseek(memory.descriptor, data, os.SEEK_HOLE)
        yield range((data - origin) // CELL, (min(at, end) - origin) // CELL)
