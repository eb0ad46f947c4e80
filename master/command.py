"""`-s`: sending a signal to the master that runs, and for a reload waiting until it is known how that ended."""

from __future__ import annotations

import os
import re
import select
import signal
import time
from pathlib import Path
from typing import Final

from ..shared.errors import ConfigError, StartError
from .launch import PID, Launch
from .outcome import Outcome, path_beside, read_outcome
from .pidfile import read_pid

SIGNALS: Final = {
    "stop": signal.SIGTERM,
    "quit": signal.SIGQUIT,
    "reopen": signal.SIGUSR1,
    "reload": signal.SIGHUP,
}
WAIT: Final = 90.0
"""Seconds for a reload: three times what the workers are given to be ready."""
POLL: Final = 0.02
PID_DIRECTIVE: Final = re.compile(r"""(?:^|[;{}\s])pid\s+(?:"([^"]+)"|'([^']+)'|([^\s;"'{}]+))\s*;""")
COMMENT: Final = re.compile(r"(?:^|(?<=[\s;{}]))#[^\n]*")


class Silence(StartError):
    """It cannot be known how the reload ended."""


def send(launch: Launch, word: str) -> None:
    """Do what `-s word` says; raises StartError with the reason, for a reload also when it was refused."""
    path = pid_path(launch)
    pid = read_pid(path)
    before = read_outcome(path_beside(path))
    try:
        watch = os.pidfd_open(pid)
    except OSError as error:
        raise kill_failed(pid, word, error) from error
    try:
        try:
            signal.pidfd_send_signal(watch, SIGNALS[word])
        except OSError as error:
            raise kill_failed(pid, word, error) from error
        if word == "reload":
            wait_for_reload(path_beside(path), before, pid, watch)
    finally:
        os.close(watch)


def wait_for_reload(path: str | None, before: Outcome | None, pid: int, watch: int) -> None:
    """Return once a reload that began after `before` was applied; raises StartError when it was refused."""
    if before is None or before.pid != pid:
        raise Silence(f"the reload was asked for, but process {pid} does not tell how reloads end")
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        found = read_outcome(path)
        if found is not None and found.pid == pid and found.ended > before.begun:
            if found.refused:
                raise StartError(f"the configuration was refused, the old one stays in force: {found.refused}")
            return
        if select.select((watch,), (), (), POLL)[0]:
            raise StartError(f"process {pid} ended while it was to reload")
    raise Silence(f"the reload is not over after {WAIT:g} s")


def pid_path(launch: Launch) -> str:
    """The pid file of the configuration, also of one that has mistakes: what serves must be told all the same."""
    try:
        return launch.load().main.pid
    except ConfigError:
        pass
    texts = [launch.globals_text]
    try:
        texts.append(Path(launch.file).read_text(errors="replace"))
    except OSError as error:
        raise StartError(f'open() "{launch.file}" failed ({error.errno}: {error.strerror})') from error
    for text in texts:
        found = PID_DIRECTIVE.search(COMMENT.sub("", text))
        if found:
            return os.path.join(launch.prefix, found[1] or found[2] or found[3])
    return os.path.join(launch.prefix, PID)


def kill_failed(pid: int, word: str, error: OSError) -> StartError:
    """nginx's sentence."""
    return StartError(f"kill({pid}, {SIGNALS[word].value}) failed ({error.errno}: {error.strerror})")
