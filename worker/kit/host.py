"""The worker as a plugin sees it: `shared/plugin_session.Worker`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...shared.limit_zone import FULL, RECORD_SIZE, LimitZone
from ...shared.model.log import Level
from ...shared.plugin_session import Level as LevelName
from ...shared.plugin_session import Session
from ...shared.rate_zone import RateZone
from ...shared.series import Series, of
from ...shared.series_zone import NONE, SeriesZone
from ...shared.zones import PLUGINS, UNSHARED, Zones

ALONE: Final = 4096
"""Keys, where the memory is one worker's own."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The memory in which the plugins of all workers count, and this worker's seat in it."""

    rates: RateZone
    counts: LimitZone
    series: SeriesZone
    seat: int

    @classmethod
    def alone(cls) -> Shared:
        """That of a worker which has no others."""
        counts = LimitZone(ALONE * RECORD_SIZE, UNSHARED, 1)
        return cls(RateZone(ALONE, UNSHARED), counts, SeriesZone(UNSHARED, ALONE), 0)

    @classmethod
    def of(cls, zones: Zones) -> Shared | None:
        """What the master has made; None where it has not."""
        counts, rates, series = zones.limits.get(PLUGINS), zones.rates, zones.series
        if counts is None or rates is None or series is None:
            return None
        return cls(rates, counts, series, zones.seat)


@dataclass(slots=True, eq=False)
class Host:
    """One plugin's; made of what the process lends it."""

    name: str
    """The plugin's."""
    slot: int
    workers: int
    generation: int
    prefix: str
    hostname: str
    clock: Callable[[], float]
    write: Callable[[Level, str], None]
    start: Callable[[Coroutine[Any, Any, None], str], None]
    repeat: Callable[[float, Callable[[], object]], None]
    mine: Callable[[], Iterable[Session]] = tuple
    count: Callable[[str, int], None] = lambda _word, _times: None
    """Counts records of a queue, by one of `plugin_counters.RECORDS`."""
    shared: Shared | None = None
    """What it counts in; none of its own is made before it counts."""
    place: str = ""
    _series: dict[tuple[str, ...], tuple[Series, int]] = field(default_factory=dict)
    """Those that were counted in already, by name and labels' values, and their first cells."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock()

    def log(self, level: LevelName, text: str) -> None:
        """A line in the error log."""
        self.write(Level[level.upper()], f'plugin "{self.name}": {text}')

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run something beside the sessions."""
        self.start(work, f"plugin {self.name}: {name}")

    def every(self, seconds: float, call: Callable[[], object]) -> None:
        """Call something again and again."""
        self.repeat(seconds, call)

    def sessions(self) -> Iterable[Session]:
        """Those that this plugin belongs to, and whose upstream stands."""
        return self.mine()

    def take(self, key: str, rate: float, burst: int = 1) -> float:
        """Ration something."""
        return self._memory().rates.take(self._key(key), rate, burst, time.monotonic())

    def spend(self, key: str, times: int, seconds: int) -> float:
        """Ration something by the clock."""
        now, wall = time.monotonic(), self.clock()
        window = int(wall // seconds)
        until = now + (window + 1) * seconds - wall
        return self._memory().rates.spend(self._key(key), times, window, now, until)

    def enter(self, key: str, limit: int) -> int:
        """Count something that lasts."""
        memory = self._memory()
        record = memory.counts.enter(self._key(key), limit, memory.seat)
        if record == FULL:
            self.log("crit", "there is no room for another key to count")
        return max(record, 0)

    def leave(self, ticket: int) -> None:
        """It is over."""
        memory = self._memory()
        memory.counts.leave(ticket, memory.seat)

    def tally(self, name: str, labels: Mapping[str, str], amount: int = 1) -> None:
        """Count in a metric."""
        _, first = self._find(name, labels, ())
        if first != NONE:
            self._memory().series.add(((first, amount),))

    def observe(self, name: str, labels: Mapping[str, str], value: float, bounds: tuple[float, ...]) -> None:
        """Count in a histogram."""
        series, first = self._find(name, labels, bounds)
        if first != NONE:
            self._memory().series.add(series.observed(first, value))

    def _find(self, name: str, labels: Mapping[str, str], bounds: tuple[float, ...]) -> tuple[Series, int]:
        key = (name, *labels, *labels.values())
        known = self._series.get(key)
        if known is None:
            series = of(name, labels, bounds)
            known = series, self._memory().series.find(series.text(), series.cells)
            if known[1] != NONE:
                self._series[key] = known
        return known

    def _key(self, key: str) -> bytes:
        return f"{self.name}\0{key}".encode("utf-8", "surrogateescape")

    def _memory(self) -> Shared:
        if self.shared is None:
            self.shared = Shared.alone()
        return self.shared

    def count_records(self, outcome: str, times: int = 1) -> None:
        """Count records of a log plugin."""
        self.count(outcome, times)

    def path(self, written: str) -> str:
        """A path of a log."""
        return os.path.join(self.prefix, written)
