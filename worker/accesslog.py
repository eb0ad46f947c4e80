"""Access logs: one line for a session that ended, written at once or kept in a buffer.

Writers of the same file share its buffer, so that lines stand in the order in which sessions ended. A line that cannot
be written is counted, and said once a minute. The worker calls `due` from its timer, `flush_all` before it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..shared.errorlog import ErrorLog, LogFiles, octets
from ..shared.model.log import AccessLog, OpenLogFiles
from ..shared.template import Template
from ..shared.view import SessionView
from .logbuffer import Buffer, Losses, Post
from .logpaths import BRIEFLY, Directory


class Writer:
    """One `access_log` of a configuration."""

    __slots__ = ("_condition", "_line", "_path", "_put", "_put_at")

    def __init__(self, log: AccessLog, put: Callable[[bytes], None], put_at: Callable[[str, bytes], None]) -> None:
        """`put` takes the lines of a log at one place, `put_at` those of a path with variables."""
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
        self._directories: dict[OpenLogFiles, Directory] = {}
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
            known = self._writers[log] = Writer(log, self._place(log).put, self._directory(log.open_files).put)
        return known

    def due(self, now: float) -> float | None:
        """Write what `flush=` says is old enough by now; when the next is, if any waits."""
        for directory in self._directories.values():
            directory.expire(now)
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
        for directory in self._directories.values():
            directory.close()
        for failure in self._files.reopen():
            self._errors.crit(failure)

    def _directory(self, rules: OpenLogFiles | None) -> Directory:
        rules = rules or BRIEFLY
        known = self._directories.get(rules)
        if known is None:
            known = self._directories[rules] = Directory(rules, self._losses, self._now)
        return known

    def _place(self, log: AccessLog) -> Buffer | Post:
        if log.syslog is not None:
            return Post(self._files.syslog(log.syslog), self._losses)
        path = log.path.constant
        if path is None:
            return Buffer(self._files.stderr, log, self._losses, self._now)
        known = self._buffers.get(path)
        if known is None:
            known = self._buffers[path] = Buffer(self._files.open(path), log, self._losses, self._now)
        known.obey(log)
        return known
