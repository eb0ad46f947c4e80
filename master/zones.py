"""Who has which zone: made before the fork, given to every worker, cleaned of those that died.

The memory of limits outlives a generation, as in nginx, because the sessions of the workers that drain still count;
it begins anew when the zone's size or key changes, where nginx refuses the reload. The memory of peers belongs to one
generation.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final

from ..shared.found_memory import FoundMemory
from ..shared.health_zone import HealthZone
from ..shared.limit_zone import LimitZone
from ..shared.model.stream import Configuration
from ..shared.model.upstream import Upstream
from ..shared.peer_zone import PeerZone
from ..shared.plugin_counters import plugin_names
from ..shared.rate_zone import RateZone
from ..shared.series_zone import SeriesZone
from ..shared.zones import PLUGINS, UNSHARED, LockFile

LimitKey = tuple[str, int, str]
"""Name, size and key: what makes two zones the same."""

SEATS: Final = 128
"""Workers that can be alive at the same time, those of earlier generations that drain included;"""
GENERATIONS: Final = 8
"""more of them when one generation has many."""


PLUGIN_SIZE: Final = 4 << 20
"""Bytes, as `limit_conn_zone` counts them, of the memory in which plugins count: 65,536 keys."""
PLUGIN_KEYS: Final = 65536
"""Keys that plugins may ration."""


def plugins_count(configuration: Configuration) -> bool:
    """Whether there may be plugins that count or ration."""
    return bool(configuration.main.admin.listens) or next(plugin_names(configuration), None) is not None


class ZonePool:
    """The zones of limits, the seats in them, and the locks of all zones."""

    def __init__(self) -> None:
        self._locks: LockFile | None = None
        self._limits: dict[LimitKey, LimitZone] = {}
        self._found: FoundMemory | None = None
        self._health: HealthZone | None = None
        self._rates: RateZone | None = None
        self._series: SeriesZone | None = None
        self._seats = 0
        self._free: list[int] = []

    def limits(self, configuration: Configuration) -> Mapping[str, LimitZone]:
        """Those that a configuration declares, by name."""
        found: dict[str, LimitZone] = {}
        zones = {name: (zone.size, zone.key.source) for name, zone in configuration.stream.limit_zones.items()}
        if plugins_count(configuration):
            zones[PLUGINS] = (PLUGIN_SIZE, "")
        if zones and not self._seats:
            self._seats = max(SEATS, GENERATIONS * configuration.main.worker_processes)
            self._free = list(range(self._seats - 1, -1, -1))
        for name, (size, source) in zones.items():
            key = (name, size, source)
            made = self._limits.get(key)
            if made is None:
                made = self._limits[key] = LimitZone(size, self._file().lock(), self._seats)
            found[name] = made
        return found

    def peers(self, configuration: Configuration) -> Mapping[str, PeerZone]:
        """The memory of the upstreams that have a zone, new."""
        slots = configuration.main.worker_processes
        upstreams: dict[str, list[Upstream]] = {}
        for upstream in configuration.stream.upstreams.values():
            if upstream.zone is not None:
                upstreams.setdefault(upstream.zone, []).append(upstream)
        return {
            name: PeerZone(
                max(upstream.zone_size for upstream in group),
                sum(len(upstream.peers) for upstream in group),
                slots,
                # one worker at a time: whoever died is gone before the next is born
                UNSHARED if slots == 1 else self._file().lock(),
            )
            for name, group in upstreams.items()
        }

    def found(self, configuration: Configuration) -> FoundMemory | None:
        """The memory of names that are resolved while running, one for all generations; None where there are none."""
        peers = (peer for upstream in configuration.stream.upstreams.values() for peer in upstream.peers)
        if self._found is None and any(peer.resolve for peer in peers):
            self._found = FoundMemory(self._file().lock())
        return self._found

    def health(self, configuration: Configuration, wanted: bool = False) -> HealthZone | None:
        """The memory of peers' health, one for all generations; None while nobody checks any nor will."""
        upstreams = configuration.stream.upstreams.values()
        wanted = wanted or any(upstream.health is not None for upstream in upstreams)
        if self._health is None and wanted:
            self._health = HealthZone(self._file().lock())
        return self._health

    def rates(self, configuration: Configuration) -> RateZone | None:
        """What plugins ration, one for all generations; None while there are no plugins."""
        if self._rates is None and plugins_count(configuration):
            self._rates = RateZone(PLUGIN_KEYS, self._file().lock())
        return self._rates

    def series(self, configuration: Configuration) -> SeriesZone | None:
        """The metrics that plugins make up, one for all generations; None while there have been no plugins."""
        if self._series is None and plugins_count(configuration):
            self._series = SeriesZone(self._file().lock())
        return self._series

    def keep(self, limits: Mapping[str, LimitZone]) -> None:
        """Forget all others: what comes back after a while counts from nothing."""
        kept = {id(zone) for zone in limits.values()}
        self._limits = {key: zone for key, zone in self._limits.items() if id(zone) in kept}

    def sit(self) -> int:
        """A free seat; raises OSError when too many workers drain, so that no more are born until some are gone."""
        if not self._free:
            raise OSError(errno.EAGAIN, f"{self._seats} workers share the zones of limit_conn_zone")
        return self._free.pop()

    def rise(self, seat: int, limits: Mapping[str, LimitZone]) -> None:
        """Whoever sat there is gone, and the sessions that it counted in these zones."""
        for zone in limits.values():
            zone.forget(seat)
        self._free.append(seat)

    def descriptors(self) -> tuple[int, ...]:
        """What a child must keep open for its locks."""
        return () if self._locks is None else (self._locks.descriptor,)

    def _file(self) -> LockFile:
        if self._locks is None:
            self._locks = LockFile()
        return self._locks
