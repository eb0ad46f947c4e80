"""The wall clock as text, in nginx's forms: each form is made once a second and kept.

No clock is read here: `now` is given and returns seconds since the epoch. The zone is the process's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Written out, since `%b` would follow the process's locale."""


class WallClock:
    """Texts of the current second."""

    __slots__ = ("_error", "_iso8601", "_local", "_second", "_syslog", "now")

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._second = -1
        self._local = self._iso8601 = self._error = self._syslog = ""

    def local(self) -> str:
        """`25/Nov/2026:02:20:00 +0000` (`$time_local`)."""
        second = int(self.now())
        if second != self._second:
            self._turn(second)
        return self._local

    def iso8601(self) -> str:
        """`2026-11-25T02:20:00+00:00` (`$time_iso8601`)."""
        second = int(self.now())
        if second != self._second:
            self._turn(second)
        return self._iso8601

    def error(self) -> str:
        """`2026/11/25 02:20:00`, the head of an error log's line."""
        second = int(self.now())
        if second != self._second:
            self._turn(second)
        return self._error

    def syslog(self) -> str:
        """`Nov 25 02:20:00`, in the head of a line for syslog; the day's first digit may be a space."""
        second = int(self.now())
        if second != self._second:
            self._turn(second)
        return self._syslog

    def _turn(self, second: int) -> None:
        at = time.localtime(second)
        sign = "-" if at.tm_gmtoff < 0 else "+"
        hours, minutes = divmod(abs(at.tm_gmtoff) // 60, 60)
        clock = f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02}"
        month = MONTHS[at.tm_mon - 1]
        self._local = f"{at.tm_mday:02}/{month}/{at.tm_year}:{clock} {sign}{hours:02}{minutes:02}"
        self._iso8601 = f"{at.tm_year}-{at.tm_mon:02}-{at.tm_mday:02}T{clock}{sign}{hours:02}:{minutes:02}"
        self._error = f"{at.tm_year}/{at.tm_mon:02}/{at.tm_mday:02} {clock}"
        self._syslog = f"{month} {at.tm_mday:2} {clock}"
        self._second = second
