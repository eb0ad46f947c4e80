"""Access logs: one line for a session that ended, written at once or kept in a buffer.

Writers of the same file share its buffer, so that lines stand in the order in which sessions ended. A line that cannot
be written is counted, and said once a minute. The worker calls `due` from its timer, `flush_all` before it ends.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from ..shared.errorlog import ErrorLog, LogFile, LogFiles, octets, open_failed, open_log, reason
from ..shared.errors import StartError
from ..shared.model.log import AccessLog
from ..shared.template import Template
from ..shared.view import SessionView

COMPLAINT_INTERVAL: Final = 60.0
"""Seconds between two complaints about the same file (nginx: 59)."""
OPEN_FILES: Final = 10
"""Files of paths with variables that are kept open."""
OPEN_VALID: Final = 1.0
"""Seconds for which such a file is taken to be the one at its path: nginx, without a cache, opens it for every line."""


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
        if len(self._said) > OPEN_FILES:  # paths may be a client's choice
            self._said.popitem(last=False)
        self._errors.crit(text)

    def write(self, fd: int, path: str, data: bytes | bytearray) -> None:
        """Write whole lines with one call; what is not taken is lost."""
        try:
            taken = os.write(fd, data)
        except OSError as error:
            self.add(path, data.count(b"\n"), f'write() to "{path}" failed {reason(error)}')
            return
        if taken != len(data):
            text = f'write() to "{path}" was incomplete: {taken} of {len(data)}'
            self.add(path, data.count(b"\n", taken), text)


class Buffer:
    """The lines of one file that are not written yet."""

    __slots__ = ("_file", "_flush", "_losses", "_now", "_pending", "_size", "deadline")

    def __init__(self, file: LogFile, log: AccessLog, losses: Losses, now: Callable[[], float]) -> None:
        self._file = file
        self._size = log.buffer
        self._flush = log.flush
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

    def put(self, line: bytes) -> None:
        """Keep a line, after writing those that it does not fit behind; write it if it is larger than the buffer."""
        pending = self._pending
        if len(pending) + len(line) > self._size:
            self.flush()
            if len(line) > self._size:
                self._losses.write(self._file.fd, self._file.path, line)
                return
        if not pending and self._flush is not None:
            self.deadline = self._now() + self._flush
        pending += line

    def flush(self) -> None:
        """Write what is kept."""
        self.deadline = None
        if self._pending:
            self._losses.write(self._file.fd, self._file.path, self._pending)
            self._pending.clear()


class Directory:
    """Files whose path is known only when a line is written; the ones used last stay open."""

    __slots__ = ("_losses", "_now", "_open")

    def __init__(self, losses: Losses, now: Callable[[], float]) -> None:
        self._losses = losses
        self._now = now
        self._open: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def put(self, path: str, line: bytes) -> None:
        """Write a line to the file at `path`."""
        # A variable may be a client's word: it must not lead out of the directory that the configuration names.
        if "/../" in path or "\0" in path:
            self._losses.add("", 1, f'the access log\'s path "{path}" is refused')
            return
        try:
            fd = self._descriptor(path)
        except OSError as error:
            self._losses.add(path, 1, open_failed(path, error))
            return
        self._losses.write(fd, path, line)

    def close(self) -> None:
        """Close what is open; the next line opens it again."""
        for fd, _ in self._open.values():
            os.close(fd)
        self._open.clear()

    def _descriptor(self, path: str) -> int:
        now = self._now()
        known = self._open.pop(path, None)
        if known is not None and now - known[1] < OPEN_VALID:
            self._open[path] = known
            return known[0]
        if known is not None:
            os.close(known[0])
        elif len(self._open) >= OPEN_FILES:
            os.close(self._open.popitem(last=False)[1][0])
        fd = open_log(path)
        self._open[path] = (fd, now)
        return fd


class Writer:
    """One `access_log` of a configuration."""

    __slots__ = ("_condition", "_line", "_path", "_put", "_put_at")

    def __init__(self, log: AccessLog, put: Callable[[bytes], None], put_at: Callable[[str, bytes], None]) -> None:
        self._condition = log.condition
        self._line = log.line
        self._path: Template | None = log.path if log.path.constant is None else None
        self._put = put
        self._put_at = put_at

    def log(self, session: SessionView) -> None:
        """Write the session's line, unless `if=` says no."""
        if self._condition is not None and self._condition.render(session) in ("", "0"):
            return
        line = octets(self._line.render(session) + "\n")
        if self._path is None:
            self._put(line)
        else:
            self._put_at(self._path.render(session), line)


class AccessLogs:
    """Every access log of a worker. `now` may be any clock of seconds that does not run backwards."""

    def __init__(self, files: LogFiles, now: Callable[[], float], errors: ErrorLog) -> None:
        self._files = files
        self._now = now
        self._errors = errors
        self._losses = Losses(errors, now)
        self._directory = Directory(self._losses, now)
        self._buffers: dict[str, Buffer] = {}
        self._writers: dict[AccessLog, Writer] = {}

    @property
    def lost(self) -> int:
        """Lines that were not written."""
        return self._losses.lost

    def writers(self, logs: Iterable[AccessLog]) -> tuple[Writer, ...]:
        """The writers of a server or a route; raises StartError."""
        return tuple(self.writer(log) for log in logs)

    def writer(self, log: AccessLog) -> Writer:
        """The writer of an `access_log`, the same for every block that inherits it; raises StartError."""
        known = self._writers.get(log)
        if known is None:
            known = self._writers[log] = Writer(log, self._buffer(log).put, self._directory.put)
        return known

    def due(self, now: float) -> float | None:
        """Write what `flush=` says is old enough by now; when the next is, if any waits."""
        soonest = None
        for buffer in self._buffers.values():
            deadline = buffer.deadline
            if deadline is None:
                continue
            if deadline <= now:
                buffer.flush()
            elif soonest is None or deadline < soonest:
                soonest = deadline
        return soonest

    def flush_all(self) -> None:
        """Write everything that is kept."""
        for buffer in self._buffers.values():
            buffer.flush()

    def reopen(self) -> None:
        """Write what is kept to the old files, then reopen every log file of the process (USR1)."""
        self.flush_all()
        self._directory.close()
        for failure in self._files.reopen():
            self._errors.crit(failure)

    def _buffer(self, log: AccessLog) -> Buffer:
        if log.syslog is not None:
            raise StartError("logging to syslog is not supported yet", log.where)
        if log.gzip:
            raise StartError("compressed access logs are not supported yet", log.where)
        path = log.path.constant
        if path is None:
            return Buffer(self._files.stderr, log, self._losses, self._now)
        known = self._buffers.get(path)
        if known is None:
            known = self._buffers[path] = Buffer(self._files.open(path), log, self._losses, self._now)
        known.obey(log)
        return known
