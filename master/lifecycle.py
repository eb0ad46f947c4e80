"""Kong's commands of a node's life: `start`, `stop`, `quit`, `reload`, `restart`, `health`, `check`.

They find the same configuration as each other. Without `-c` and `-p` that is the one of the system, or where there is
none, or it is not ours to use, one below the user's own state folder, which `start` makes: so a gateway that gets all
it needs from the environment and the Admin API needs no file written by hand.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from ..shared.errors import StartError
from .command import pid_path, send
from .launch import FILE, PREFIX, Launch
from .pidfile import read_pid
from .speech import sentence

Printer = Callable[[str], object]
"""Where good news go."""
OWN_FILE: Final = "penstock.conf"
OWN_TEXT: Final = """\
# Made by `penstock start`, since there was no configuration. What is not here comes from the environment
# (PENSTOCK_STREAM_LISTEN, PENSTOCK_ADMIN_LISTEN, ...) and from the Admin API.
events {
    worker_connections 4096;
}
"""
STOP_WAIT: Final = 30.0
"""Seconds for a fast stop; the master kills what is left long before."""


def located(launch: Launch) -> Launch:
    """The launch with the prefix and the file that the commands agree on; nothing is made."""
    if launch.prefix != PREFIX or launch.file != FILE:
        return launch
    if os.path.exists(FILE):
        return launch
    prefix = PREFIX if usable(PREFIX) else own_state(os.environ)
    return replace(launch, prefix=prefix, file=os.path.join(prefix, OWN_FILE), standin=OWN_TEXT)


def usable(folder: str) -> bool:
    """Whether a folder is there for us to write to, or could be made."""
    path = Path(folder)
    while not path.exists() and path != path.parent:
        path = path.parent
    return os.access(path, os.W_OK)


def own_state(environment: Mapping[str, str]) -> str:
    """The folder of this user's state (XDG base directory specification)."""
    base = environment.get("XDG_STATE_HOME") or os.path.join(environment.get("HOME") or "/tmp", ".local/state")
    return os.path.join(base, "penstock")


def provide_file(launch: Launch) -> None:
    """Make the configuration of one's own where there is none; raises StartError."""
    path = Path(launch.file)
    if not launch.standin or path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(launch.standin)
    except OSError as error:
        raise StartError(f'open() "{path}" failed ({error.errno}: {error.strerror})') from error


def running(launch: Launch) -> int | None:
    """The master's pid, if it runs."""
    try:
        pid = read_pid(pid_path(launch))
        os.kill(pid, 0)
    except PermissionError:
        return pid
    except (StartError, OSError):
        return None
    return pid


def start(launch: Launch, say: Printer) -> int:
    """Begin to serve in the background; the exit status."""
    launch = located(launch)
    try:
        provide_file(launch)
    except StartError as error:
        return failed(error)
    if running(launch) is not None:
        print(f"Error: Penstock is already running in {launch.prefix}", file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "penstock", "-p", launch.prefix, "-c", launch.file]
    if launch.error_log is not None:
        command += ["-e", launch.error_log]
    if launch.globals_text:
        command += ["-g", launch.globals_text]
    status = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode
    if status == 0:
        say("Penstock started")
    return status


def stop(launch: Launch, say: Printer) -> int:
    """End at once."""
    launch = located(launch)
    try:
        gone = ended(launch, "stop", STOP_WAIT)
    except StartError as error:
        return failed(error)
    if not gone:
        return failed(StartError(f"the master is still there after {STOP_WAIT:g} s"))
    say("Penstock stopped")
    return 0


def leave(launch: Launch, say: Printer, timeout: float, wait: float = 0.0) -> int:
    """Let sessions end for so long, then end anyway (`quit -t`); `wait` seconds pass before it begins."""
    launch = located(launch)
    try:
        if wait:
            select.select((), (), (), wait)
        if ended(launch, "quit", timeout):
            say("Penstock stopped (gracefully)")
            return 0
        say("Timeout, Penstock stopped forcefully")
        ended(launch, "stop", STOP_WAIT)
    except StartError as error:
        return failed(error)
    return 0


def reload(launch: Launch, say: Printer) -> int:
    """Apply the configuration as it is now, and wait for the outcome."""
    try:
        send(located(launch), "reload")
    except StartError as error:
        return failed(error)
    say("Penstock reloaded")
    return 0


def restart(launch: Launch, say: Printer) -> int:
    """Stop, if it runs, and start."""
    if running(located(launch)) is not None and (status := stop(launch, say)):
        return status
    return start(launch, say)


def health(launch: Launch, say: Printer) -> int:
    """Whether the master and its workers are there; 1 when not."""
    launch = located(launch)
    pid = running(launch)
    if pid is None:
        say("master............not running")
        print(f"Error: Penstock is not running at {launch.prefix}", file=sys.stderr)
        return 1
    say("master............running")
    workers = workers_of(pid)
    say(f"workers...........{len(workers)} running" if workers else "workers...........not running")
    if not workers:
        print(f"Error: some processes are not running at {launch.prefix}", file=sys.stderr)
        return 1
    say(f"Penstock is healthy at {launch.prefix}")
    return 0


def ended(launch: Launch, word: str, timeout: float) -> bool:
    """Send a signal to the master and wait for its end; raises StartError when nobody is there."""
    pid = read_pid(pid_path(launch))
    try:
        watch = os.pidfd_open(pid)
    except OSError as error:
        raise StartError(f"Penstock is not running in {launch.prefix}") from error
    try:
        signal.pidfd_send_signal(watch, signal.SIGTERM if word == "stop" else signal.SIGQUIT)
        return bool(select.select((watch,), (), (), timeout)[0])
    except OSError as error:
        raise StartError(f"kill({pid}) failed ({error.errno}: {error.strerror})") from error
    finally:
        os.close(watch)


def workers_of(master: int) -> list[int]:
    """The pids of a process' children (proc(5))."""
    try:
        text = Path(f"/proc/{master}/task/{master}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def failed(error: StartError) -> int:
    """Say why, and give status 1."""
    print(f"Error: {sentence(error)}", file=sys.stderr)
    return 1
