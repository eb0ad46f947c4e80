"""How this Penstock was started: what the command line said, and the configuration it leads to."""

from __future__ import annotations

import gc
import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..shared.conf.load import System, load
from ..shared.errorlog import STDERR
from ..shared.model.log import ErrorLogTarget
from ..shared.model.stream import Configuration, User
from ..shared.model.where import NOWHERE
from .system import real_system

PREFIX: Final = "/var/lib/penstock"
FILE: Final = "/etc/penstock/penstock.conf"
FILE_BELOW_PREFIX: Final = "conf/penstock.conf"
"""Where the file is when only a prefix was given."""
ERROR_LOG: Final = "logs/error.log"
PID: Final = "logs/penstock.pid"
NOBODY: Final = "nobody"


@dataclass(frozen=True, slots=True)
class Launch:
    """The command line, with absolute paths."""

    prefix: str = PREFIX
    file: str = FILE
    globals_text: str = ""
    """`-g`: directives of the main context."""
    error_log: str | None = None
    """`-e`: the error log of a configuration that names none."""
    quiet: bool = False
    standin: str = ""
    """What counts as the file's content while there is no file."""
    title: str = "penstock"
    """The command as it was typed, for the master's process title."""

    def load(self) -> Configuration:
        """Read the configuration as it is now; raises ConfigError."""
        configuration = self._built()
        main = configuration.main
        if self.error_log is not None:
            main = replace(main, error_logs=tuple(self._redirected(target) for target in main.error_logs))
        if os.geteuid() == 0 and main.user is None:
            main = replace(main, user=unprivileged_user())
        if not main.master_process:
            # Still a process of its own: a worker that nobody can replace would be of no use.
            main = replace(main, worker_processes=1)
        return replace(configuration, main=main)

    def _built(self) -> Configuration:
        # Nothing that is built is garbage before it is complete: looking for some took nine tenths of the time
        # that 100,000 routes need.
        gc.disable()
        try:
            configuration = load(self.file, self.prefix, globals_text=self.globals_text, system=self._system())
            gc.freeze()
            return configuration
        finally:
            gc.enable()

    def _system(self) -> System:
        system = real_system()
        if not self.standin or os.path.exists(self.file):
            return system
        read = system.read_text
        return replace(system, read_text=lambda path: self.standin if path == self.file else read(path))

    @property
    def default_error_log(self) -> str:
        """Where errors go while there is no configuration that says so."""
        return self.error_log or os.path.join(self.prefix, ERROR_LOG)

    @property
    def default_paths(self) -> frozenset[str]:
        """The error log and the pid file of a configuration that names none."""
        return frozenset(os.path.join(self.prefix, name) for name in (ERROR_LOG, PID))

    def _redirected(self, target: ErrorLogTarget) -> ErrorLogTarget:
        """`-e` in place of the log that is used because none was written."""
        return replace(target, path=self.default_error_log) if target.where == NOWHERE else target


def launch_of(
    prefix: str | None, file: str | None, globals_text: str, error_log: str | None, quiet: bool, words: Sequence[str]
) -> Launch:
    """What `-p -c -g -e -q` mean, as in nginx: `-c` and `-e` are relative to the prefix."""
    place = os.path.abspath(prefix or PREFIX)
    if file is None:
        file = FILE if prefix is None else FILE_BELOW_PREFIX
    if error_log not in (None, STDERR):
        error_log = os.path.join(place, error_log)
    return Launch(place, os.path.join(place, file), globals_text, error_log, quiet, " ".join(words))


def unprivileged_user() -> User | None:
    """Whom the workers of root become when nothing says so, as in nginx."""
    try:
        entry = pwd.getpwnam(NOBODY)
    except KeyError:
        return None
    return User(NOBODY, entry.pw_uid, entry.pw_gid)
