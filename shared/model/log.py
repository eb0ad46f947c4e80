"""Access and error logs as configured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..template import Template
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


@dataclass(frozen=True, slots=True)
class ErrorLogTarget:
    """One `error_log`: a file, the standard error, or a syslog server."""

    path: str
    """Absolute path; `stderr` for the descriptor 2 the program was started with; empty for syslog."""
    level: Level = Level.ERROR
    syslog: Syslog | None = None
    where: Where = NOWHERE


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
