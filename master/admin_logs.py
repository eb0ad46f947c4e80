"""The logs of the Admin API: `admin_access_log`, a line for each request, and `admin_error_log`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..shared.errorlog import ErrorLog, LogFiles
from ..shared.errors import StartError
from ..shared.model.log import ErrorLogTarget, Level
from ..shared.model.operations import Admin
from ..shared.printable import printable

if TYPE_CHECKING:
    from aiohttp import web

LONGEST: Final = 2048
"""Characters of a path that are logged."""


class AdminLogs:
    """See the module."""

    def __init__(self, write: Callable[[Level, str], object]) -> None:
        """`write` is the main error log's, which has what there is no `admin_error_log` for."""
        self._write = write
        self._files: LogFiles | None = None
        self._errors: ErrorLog | None = None
        self._access: int | None = None

    def open(self, admin: Admin) -> None:
        """Have the logs that a configuration names, opened anew."""
        self.close()
        if not admin.access_log and not admin.error_log:
            return
        self._files = LogFiles()
        try:
            if admin.error_log:
                target = ErrorLogTarget(admin.error_log, Level.INFO)
                self._errors = ErrorLog((target,), self._files, time.time, os.getpid)
            if admin.access_log:
                self._access = self._files.open(admin.access_log).fd
        except StartError as error:
            self._write(Level.EMERG, error.text)

    def close(self) -> None:
        """Close them."""
        self._errors = self._access = None
        if self._files is not None:
            self._files.close()
            self._files = None

    def warn(self, text: str) -> None:
        """Tell what went wrong."""
        if self._errors is not None:
            self._errors.write(Level.WARN, text)
        else:
            self._write(Level.WARN, text)

    def note(self, request: web.BaseRequest, status: int) -> None:
        """One request was answered."""
        if self._access is None:
            return
        moment = time.strftime("%d/%b/%Y:%H:%M:%S %z")
        said = f"{printable(request.method)} {printable(request.raw_path, LONGEST)} HTTP/1.1"
        agent = printable(request.headers.get("User-Agent", "-"))
        line = f'{request.remote or "unix:"} - - [{moment}] "{said}" {status} "{agent}"\n'
        try:
            os.write(self._access, line.encode("utf-8", "replace"))
        except OSError:
            pass
