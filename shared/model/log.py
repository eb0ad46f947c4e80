"""Access and error logs as configured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..template import Template
from .address import Address
from .where import NOWHERE, Where


class Level(IntEnum):
    """nginx's error log levels; a target takes every line whose level is at or below its own."""

    EMERG = 1
    ALERT = 2
    CRIT = 3
    ERROR = 4
    WARN = 5
    NOTICE = 6
    INFO = 7
    DEBUG = 8

    @property
    def word(self) -> str:
        """The word between the brackets of a line and in `error_log … LEVEL`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Syslog:
    """`syslog:server=…` of an access or error log."""

    server: str
    """`host[:port]` or `unix:/path`, as written."""
    facility: int = 23
    severity: int = 6
    tag: str = "nginx"
    nohostname: bool = False
    address: Address | None = None
    """The server's address, port and all."""


@dataclass(frozen=True, slots=True)
class ErrorLogTarget:
    """One `error_log`: a file, the standard error, or a syslog server."""

    path: str
    """Absolute path; `stderr` for the descriptor 2 the program was started with; empty for syslog."""
    level: Level = Level.ERROR
    syslog: Syslog | None = None
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class OpenLogFiles:
    """`open_log_file_cache`: which files of paths with variables stay open. Times are seconds."""

    most: int
    inactive: float = 10.0
    """Without a line for so long, a file is closed."""
    valid: float = 60.0
    """After so long it is made sure that the file is still the one at its path."""
    min_uses: int = 1
    """Lines, none later than `inactive` after the one before, until a file stays open."""
    where: Where = NOWHERE
    """Each one written is a cache of its own."""


@dataclass(frozen=True, slots=True)
class AccessLog:
    """One `access_log`. `access_log off` is an empty tuple of these."""

    path: Template
    """Absolute path (variables allowed); constant and empty for syslog."""
    line: Template
    """The log_format, compiled, escaping included, without the newline."""
    buffer: int = 0
    """Bytes kept before they are written; 0 writes each line at once."""
    flush: float | None = None
    """Seconds after which a kept line is written."""
    gzip: int = 0
    """Compression level, 0 for none."""
    condition: Template | None = None
    """`if=`: a line is written unless this renders to the empty text or `0`."""
    syslog: Syslog | None = None
    where: Where = NOWHERE
    open_files: OpenLogFiles | None = None
    """The cache for a path with variables, if there is one."""
