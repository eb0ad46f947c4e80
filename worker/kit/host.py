"""The worker as a plugin sees it: `shared/plugin_session.Worker`."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from ...shared.model.log import Level
from ...shared.plugin_session import Level as LevelName
from ...shared.plugin_session import Session


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

    def count_records(self, outcome: str, times: int = 1) -> None:
        """Count records of a log plugin."""
        self.count(outcome, times)

    def path(self, written: str) -> str:
        """A path of a log."""
        return os.path.join(self.prefix, written)
