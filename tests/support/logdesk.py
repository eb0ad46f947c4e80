"""A worker's access logs in a directory, and texts to log."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viewed import Viewed

from penstock.master.syslog import connected
from penstock.shared.errorlog import ErrorLog, LogFiles
from penstock.shared.logformat import compile_log_format
from penstock.shared.model.log import AccessLog, ErrorLogTarget
from penstock.shared.scope import Scope
from penstock.shared.syslog import SyslogServers
from penstock.shared.template import Getter, compile_template
from penstock.shared.variables import lookup
from penstock.worker.accesslog import AccessLogs


def known(name: str) -> Getter:
    scope = Scope(lookup)
    scope.define_set("v")
    return scope.lookup(name)


@dataclass
class Desk:
    """A worker's logs in a directory, with a clock that stands still."""

    directory: Path
    now: float = 1000.0
    files: LogFiles = field(default_factory=lambda: LogFiles(syslogs=SyslogServers(connected, "Gate.Example")))

    def __post_init__(self) -> None:
        targets = (ErrorLogTarget(str(self.directory / "error.log")),)
        self.errors = ErrorLog(targets, self.files, now=lambda: 0.0, pid=lambda: 1)
        self.logs = AccessLogs(self.files, lambda: self.now, self.errors)

    def configured(self, path: str = "log", text: str = "$v", **settings: Any) -> AccessLog:
        whole = path if path.startswith("/") else f"{self.directory}/{path}"
        line = compile_log_format(text, "default", known)
        return AccessLog(compile_template(whole, known), line, **settings)

    def log(self, log: AccessLog, *values: str) -> None:
        writer = self.logs.writer(log)
        for value in values:
            writer.log(Viewed(values={"v": value}))

    def read(self, name: str = "log") -> str:
        return (self.directory / name).read_text()
