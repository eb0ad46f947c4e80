"""A worker for plugins that a test makes by itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from penstock.shared.model.log import Level
from penstock.worker.kit.host import Host


class Lent:
    """A Host, and what was done through it."""

    def __init__(self, name: str = "tried", prefix: str = "/prefix") -> None:
        self.lines: list[tuple[str, str]] = []
        self.counted: Counter[str] = Counter()
        self.tasks: list[asyncio.Task[None]] = []
        self.timers: list[tuple[float, Callable[[], object]]] = []
        self.host = Host(
            name=name,
            slot=0,
            workers=1,
            generation=1,
            prefix=prefix,
            hostname="gate.test",
            clock=lambda: 1_800_000_000.0,
            write=self._write,
            start=self._start,
            repeat=lambda seconds, call: self.timers.append((seconds, call)),
            count=self._count,
        )

    def _write(self, level: Level, text: str) -> None:
        self.lines.append((level.name.lower(), text))

    def _start(self, work: Any, name: str) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(work, name=name))

    def _count(self, word: str, times: int) -> None:
        self.counted[word] += times
