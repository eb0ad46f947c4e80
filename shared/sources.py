"""What variables take from the process rather than from a session: its clock, its pid, its host's name.

`shared` asks the system for nothing, so a process installs these once when it starts, before it renders anything;
until then the texts are those of an unknown process at the epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .wallclock import WallClock


class Sources:
    """The process as its variables see it."""

    __slots__ = ("clock", "hostname", "pid")

    def __init__(self) -> None:
        self.clock = WallClock(float)
        self.pid: Callable[[], int] = int
        self.hostname = ""

    def install(self, now: Callable[[], float], pid: Callable[[], int], hostname: str) -> None:
        """Set the clock (seconds since the epoch), what tells the pid (asked each time, for forks), the host's name."""
        self.clock = WallClock(now)
        self.pid = pid
        self.hostname = hostname.lower()  # as nginx does


sources: Final = Sources()
"""The one of this process."""
