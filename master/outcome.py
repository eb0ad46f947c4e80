"""How the newest reload ended, for whoever waits for it: a small file beside the pid file.

A signal carries no answer, and a socket would need rights that differ from those of the signal. So the master counts
its reloads in a file: `begun` grows when one starts, `ended` follows when it is over. Whoever read the file before
sending SIGHUP knows that the first reload with a higher number began after the configuration had been written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from .pidfile import is_special, replace_file

SUFFIX: Final = ".reload"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the file says."""

    pid: int
    begun: int = 0
    ended: int = 0
    refused: str = ""
    """Why the last reload that ended was refused; empty when it was applied."""


class OutcomeFile:
    """The master's end: keeps the file beside the pid file."""

    def __init__(self, pid: int) -> None:
        self._path: str | None = None
        self._outcome = Outcome(pid)
        self._waiting: list[tuple[int, Callable[[str], object]]] = []
        """Who waits in this process, with the number of reloads that had begun before."""

    def place(self, pid_path: str) -> None:
        """Keep the file beside `pid_path` from now on; raises OSError."""
        before, self._path = self._path, path_beside(pid_path)
        if before is not None and before != self._path:
            Path(before).unlink(missing_ok=True)
        self._write()

    def begin(self) -> None:
        """A reload starts; raises OSError."""
        self._outcome = replace(self._outcome, begun=self._outcome.begun + 1)
        self._write()

    def end(self, refused: str = "") -> None:
        """The reload is over; raises OSError."""
        ended = self._outcome.begun
        self._outcome = replace(self._outcome, ended=ended, refused=refused)
        told = [tell for before, tell in self._waiting if before < ended]
        self._waiting = [each for each in self._waiting if each[0] >= ended]
        for tell in told:
            tell(refused)
        self._write()

    def wait(self, tell: Callable[[str], object]) -> None:
        """Have `tell` called with why a reload was refused, or an empty text: the first that begins from now on."""
        self._waiting.append((self._outcome.begun, tell))

    def remove(self) -> None:
        """Take the file away if it is still about this master."""
        if self._path is not None and (found := read_outcome(self._path)) and found.pid == self._outcome.pid:
            Path(self._path).unlink(missing_ok=True)
        self._path = None

    def _write(self) -> None:
        if self._path is not None:
            replace_file(self._path, json.dumps(asdict(self._outcome)).encode() + b"\n")


def path_beside(pid_path: str) -> str | None:
    """Where the outcome of a master with that pid file is told; None beside a device, such as /dev/null."""
    return None if is_special(pid_path) else pid_path + SUFFIX


def read_outcome(path: str | None) -> Outcome | None:
    """What the file says; None when there is none that can be understood."""
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return Outcome(**json.load(file))
    except (OSError, ValueError, TypeError):
        return None
