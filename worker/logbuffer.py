"""Lines of an access log on their way to a file or a syslog server, and what is lost on the way."""

from __future__ import annotations

import gzip
import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from ..shared.errorlog import ErrorLog, LogFile, reason
from ..shared.model.log import AccessLog
from ..shared.sources import sources
from ..shared.syslog import SyslogServer

COMPLAINT_INTERVAL: Final = 60.0
"""Seconds between two complaints about the same file (nginx: 59)."""
REMEMBERED: Final = 10
"""Paths about which it is remembered that a complaint was made."""


class Losses:
    """Lines that could not be written."""

    __slots__ = ("_errors", "_now", "_said", "lost")

    def __init__(self, errors: ErrorLog, now: Callable[[], float]) -> None:
        self.lost = 0
        self._errors = errors
        self._now = now
        self._said: OrderedDict[str, float] = OrderedDict()

    def add(self, path: str, lines: int, text: str) -> None:
        """Count lines lost at a path, and say why unless that was said a moment ago."""
        self.lost += lines
        now = self._now()
        if now - self._said.get(path, -COMPLAINT_INTERVAL) < COMPLAINT_INTERVAL:
            return
        self._said[path] = now
        self._said.move_to_end(path)
        if len(self._said) > REMEMBERED:  # paths may be a client's choice
            self._said.popitem(last=False)
        self._errors.crit(text)

    def write(self, fd: int, path: str, data: bytes | bytearray) -> None:
        """Write whole lines with one call; what is not taken is lost."""
        self._write(fd, path, data, lambda taken: data.count(b"\n", taken))

    def write_gzip(self, fd: int, path: str, data: bytes | bytearray, level: int) -> None:
        """Write whole lines as one member of a gzip file: readable as soon as it is there."""
        lines = data.count(b"\n")
        self._write(fd, path, gzip.compress(data, level, mtime=0), lambda _: lines)

    def _write(self, fd: int, path: str, data: bytes | bytearray, lines: Callable[[int], int]) -> None:
        try:
            taken = os.write(fd, data)
        except OSError as error:
            self.add(path, lines(0), f'write() to "{path}" failed {reason(error)}')
            return
        if taken != len(data):
            self.add(path, lines(taken), f'write() to "{path}" was incomplete: {taken} of {len(data)}')


class Buffer:
    """The lines of one file that are not written yet."""

    __slots__ = ("_file", "_flush", "_gzip", "_losses", "_now", "_pending", "_size", "deadline")

    def __init__(self, file: LogFile, log: AccessLog, losses: Losses, now: Callable[[], float]) -> None:
        self._file = file
        self._size = log.buffer
        self._flush = log.flush
        self._gzip = log.gzip
        self._losses = losses
        self._now = now
        self._pending = bytearray()
        self.deadline: float | None = None
        """When the oldest line is to be written; None where nothing waits or nothing is to hurry it."""

    def obey(self, log: AccessLog) -> None:
        """Take a size from a later `access_log` of the file; the configuration has seen to it that no two differ."""
        if log.buffer:
            self._size = log.buffer
            self._flush = log.flush
            self._gzip = log.gzip

    def put(self, line: bytes) -> None:
        """Keep a line, after writing those that it does not fit behind; write it if it is larger than the buffer."""
        pending = self._pending
        if len(pending) + len(line) > self._size:
            self.flush()
            if len(line) > self._size:
                self._write(line)
                return
        if not pending and self._flush is not None:
            self.deadline = self._now() + self._flush
        pending += line

    def flush(self) -> None:
        """Write what is kept."""
        self.deadline = None
        if self._pending:
            self._write(self._pending)
            self._pending.clear()

    def _write(self, data: bytes | bytearray) -> None:
        if self._gzip:
            self._losses.write_gzip(self._file.fd, self._file.path, data, self._gzip)
        else:
            self._losses.write(self._file.fd, self._file.path, data)


class Post:
    """Lines that go to a syslog server."""

    __slots__ = ("_losses", "_server")

    def __init__(self, server: SyslogServer, losses: Losses) -> None:
        self._server = server
        self._losses = losses

    def put(self, line: bytes) -> None:
        """Send a line, without its newline, at once."""
        server = self._server
        if not server.send(sources.clock.syslog(), line[:-1]):
            self._losses.add(f"syslog:{server.name}", 1, server.describe())
