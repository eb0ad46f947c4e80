"""Log files, and the error log in nginx's form: `2026/11/25 02:20:00 [error] 123#123: *7 text`.

Files belong to the process that opened them and to every child forked later. Clock and pid are given. A line that
cannot be written is counted and forgotten: a full disk or a closed pipe must never end a session.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Callable, Sequence
from copy import copy
from typing import Final

from .errors import StartError
from .model.log import ErrorLogTarget, Level, Syslog
from .syslog import SyslogServer, SyslogServers
from .wallclock import WallClock

NGX_MAX_ERROR_STR: Final = 2048
"""Bytes of an error log's line, its newline included."""
STDERR: Final = "stderr"
"""What `error_log stderr` is called in a model."""
STDOUT: Final = 1
LOG_MODE: Final = 0o644
SECRET_MODE: Final = 0o600
"""Of files with keys."""

COMPLAINT_INTERVAL: Final = 60.0
"""Seconds between two complaints about the same syslog server."""

CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""What a client must not be able to put into a line: controls (also C1's), and bytes that are not UTF-8."""


class LogFile:
    """An open log file. Its descriptor stays the same number when the file is reopened."""

    __slots__ = ("fd", "mode", "path")

    def __init__(self, path: str, fd: int, mode: int = LOG_MODE) -> None:
        self.path = path
        self.fd = fd
        self.mode = mode

    @property
    def regular(self) -> bool:
        """Whether this is a file that can be rotated, rather than a terminal, a pipe or a device."""
        return stat.S_ISREG(os.fstat(self.fd).st_mode)

    def reopen(self) -> None:
        """Follow the path to the file that is there now, or create it; raises OSError and keeps the old file."""
        if self.path == STDERR or not self.regular:
            return
        fresh = open_log(self.path, self.mode)
        try:
            os.dup2(fresh, self.fd, inheritable=False)
        finally:
            os.close(fresh)


class LogFiles:
    """Every log file of a process, each open once."""

    def __init__(self, stderr: int = 2, syslogs: SyslogServers | None = None) -> None:
        """Keep a duplicate of `stderr`, the descriptor 2 that the program was started with."""
        self.stderr = LogFile(STDERR, duplicate(stderr))
        self._files: dict[str, LogFile] = {}
        self._syslogs = syslogs

    def open(self, path: str, mode: int = LOG_MODE) -> LogFile:
        """The log file at `path` (`stderr` is the original descriptor 2), new with this mode; raises StartError."""
        if path == STDERR:
            return self.stderr
        known = self._files.get(path)
        if known is not None:
            return known
        try:
            fd = open_log(path, mode)
        except OSError as error:
            # A socket cannot be opened through /proc/self/fd (ENXIO), and a service's standard output is often one.
            standard = {"/dev/stderr": self.stderr.fd, "/dev/stdout": STDOUT}.get(path)
            if standard is None:
                raise StartError(open_failed(path, error)) from error
            fd = duplicate(standard)
        file = self._files[path] = LogFile(path, fd, mode)
        return file

    def syslog(self, syslog: Syslog) -> SyslogServer:
        """The syslog server of a log; raises StartError in a process that has none."""
        if self._syslogs is None:
            raise StartError("there is no syslog here")
        return self._syslogs.at(syslog)

    def reopen(self) -> list[str]:
        """Reopen every file (USR1). What failed keeps its old file and is told, a sentence each, for the log."""
        failures = []
        for file in self._files.values():
            try:
                file.reopen()
            except OSError as error:
                failures.append(open_failed(file.path, error))
        return failures

    def chown(self, uid: int, gid: int = -1) -> list[str]:
        """Give the files to the workers' user, so that workers may reopen them; the failures, a sentence each."""
        failures = []
        for file in self._files.values():
            try:
                give(file, uid, gid)
            except OSError as error:
                failures.append(f'chown("{file.path}", {uid}) failed {reason(error)}')
        return failures

    def fds(self) -> tuple[int, ...]:
        """The descriptors that a forked child has to keep."""
        sockets = (server.fd for server in self._syslogs or ())
        return (self.stderr.fd, *(file.fd for file in self._files.values()), *(fd for fd in sockets if fd is not None))

    def close(self) -> None:
        """Close everything, the duplicate of the standard error too."""
        for file in (self.stderr, *self._files.values()):
            os.close(file.fd)
        self._files.clear()
        if self._syslogs is not None:
            self._syslogs.close()


class ErrorLog:
    """Where a process, a server or a route tells what went wrong."""

    def __init__(
        self, targets: Sequence[ErrorLogTarget], files: LogFiles, now: Callable[[], float], pid: Callable[[], int]
    ) -> None:
        """Open the targets; raises StartError."""
        self._targets = tuple((target.level, open_target(target, files)) for target in targets if target.syslog is None)
        self._servers = tuple((target.level, files.syslog(target.syslog)) for target in targets if target.syslog)
        self._complained: dict[SyslogServer, float] = {}
        self._clock = WallClock(now)
        self._pid = pid
        self.level = max((target.level for target in targets), default=Level.EMERG)
        """The most verbose level that any target asks for."""
        self._losses = [0]  # shared with the verbose form of this log

    @property
    def lost(self) -> int:
        """Lines that a target did not take."""
        return self._losses[0]

    def verbose(self) -> ErrorLog:
        """The same targets, which take lines of every level (`debug_connection`)."""
        other = copy(self)
        other.level = Level.DEBUG
        other._targets = tuple((Level.DEBUG, file) for _, file in self._targets)
        other._servers = tuple((Level.DEBUG, server) for _, server in self._servers)
        return other

    def write(self, level: Level, text: str, connection: int = 0) -> None:
        """Write one line to every target that wants `level`; never raises for what the system refuses."""
        if level > self.level:
            return
        line = self._line(level, text, connection)
        for threshold, file in self._targets:
            if level <= threshold:
                try:
                    if os.write(file.fd, line) != len(line):
                        self._losses[0] += 1
                except OSError:
                    self._losses[0] += 1
        for threshold, server in self._servers:
            if level <= threshold and not server.send(self._clock.syslog(), line[:-1], level - 1):
                self._losses[0] += 1
                self._complain(server)

    def _complain(self, server: SyslogServer) -> None:
        """Tell the others about a server that takes nothing, once in a while."""
        now = self._clock.now()
        if now - self._complained.get(server, 0.0) >= COMPLAINT_INTERVAL:
            self._complained[server] = now
            self.error(server.describe())

    def _line(self, level: Level, text: str, connection: int) -> bytes:
        pid = self._pid()
        session = f"*{connection} " if connection else ""
        line = f"{self._clock.error()} [{level.word}] {pid}#{pid}: {session}{CONTROL.sub(escape, text)}\n"
        data = line.encode()
        if len(data) <= NGX_MAX_ERROR_STR:
            return data
        return data[: NGX_MAX_ERROR_STR - 1].decode("utf-8", "ignore").encode() + b"\n"

    def emerg(self, text: str, connection: int = 0) -> None:
        """The process cannot go on."""
        self.write(Level.EMERG, text, connection)

    def alert(self, text: str, connection: int = 0) -> None:
        """What must never happen has happened."""
        self.write(Level.ALERT, text, connection)

    def crit(self, text: str, connection: int = 0) -> None:
        """The system refuses what is needed."""
        self.write(Level.CRIT, text, connection)

    def error(self, text: str, connection: int = 0) -> None:
        """A session failed."""
        self.write(Level.ERROR, text, connection)

    def warn(self, text: str, connection: int = 0) -> None:
        """Something will be worth a look."""
        self.write(Level.WARN, text, connection)

    def notice(self, text: str, connection: int = 0) -> None:
        """The process did something unusual and meant it."""
        self.write(Level.NOTICE, text, connection)

    def info(self, text: str, connection: int = 0) -> None:
        """A session's ordinary course."""
        self.write(Level.INFO, text, connection)

    def debug(self, text: str, connection: int = 0) -> None:
        """For those who read the source."""
        self.write(Level.DEBUG, text, connection)


def open_log(path: str, mode: int = LOG_MODE) -> int:
    """A descriptor that appends to `path`; raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)


def duplicate(fd: int) -> int:
    """Another descriptor of the same file, above the standard ones."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, STDOUT + 2)


def open_target(target: ErrorLogTarget, files: LogFiles) -> LogFile:
    """The file of an error log's target; raises StartError."""
    try:
        return files.open(target.path)
    except StartError as error:
        raise StartError(error.text, target.where) from error


def give(file: LogFile, uid: int, gid: int) -> None:
    """Make `uid` the owner of a regular file, with the right to read and write it."""
    status = os.fstat(file.fd)
    if not stat.S_ISREG(status.st_mode):
        return
    if status.st_uid != uid or gid not in (-1, status.st_gid):
        os.fchown(file.fd, uid, gid)
    wanted = stat.S_IRUSR | stat.S_IWUSR
    if status.st_mode & wanted != wanted:
        os.fchmod(file.fd, stat.S_IMODE(status.st_mode) | wanted)


def escape(found: re.Match[str]) -> str:
    """`\\x0A` for a newline: the bytes of a character that must not be in a line."""
    return "".join([f"\\x{byte:02X}" for byte in octets(found[0])])


def octets(text: str) -> bytes:
    """A text's bytes: UTF-8, in which a surrogate escape is the byte that it stands for."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return text.encode("utf-8", "replace")


def open_failed(path: str, error: OSError) -> str:
    """nginx's sentence for a file that cannot be opened."""
    return f'open() "{path}" failed {reason(error)}'


def reason(error: OSError) -> str:
    """nginx's form of an errno: `(28: No space left on device)`."""
    return f"({error.errno}: {error.strerror})"
