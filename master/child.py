"""One worker as its master sees it: born by a fork, spoken to over a socketpair, watched by a pidfd.

The child that a fork leaves behind is a copy of the master with everything it had open. What it must not keep is
closed here, before the one call by which it becomes a worker; it never returns into the master's frames.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import traceback
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final, NoReturn

import setproctitle

from ..shared.birth import Birth
from ..shared.messages import Verb, encode
from ..shared.model.log import Level
from . import surroundings
from .signals import restore_defaults

WorkerMain = Callable[[Birth], NoReturn]
STDIO: Final = (0, 1, 2)
EXIT_CRASHED: Final = 1
TITLE: Final = "penstock: worker process"


class State(Enum):
    """How far a worker is."""

    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"
    """Asked to drain or to stop."""


class Child:
    """A worker process. Its pid is ours to signal until it has been reaped."""

    __slots__ = ("born", "control", "generation", "inbox", "pid", "pidfd", "said", "slot", "state")

    def __init__(self, pid: int, slot: int, generation: int, control: socket.socket, born: float) -> None:
        self.pid = pid
        self.slot = slot
        self.generation = generation
        self.control = control
        self.born = born
        self.pidfd = os.pidfd_open(pid)
        self.inbox: list[bytes] = []
        """Messages that were received and wait for the master's next turn."""
        self.state = State.STARTING
        self.said = ""
        """Its own words on why it cannot start."""

    def tell(self, verb: Verb, text: str = "") -> None:
        """Send a message. One that hears nothing any more is dead or dying, which its pidfd tells."""
        try:
            self.control.send(encode(verb, text))
        except OSError:
            pass

    def hand(self, verb: Verb, text: str, descriptor: int) -> bool:
        """Send a message with a file; whether it went out."""
        try:
            socket.send_fds(self.control, [encode(verb, text)], [descriptor])
        except OSError:
            return False
        return True

    def drain(self, timeout: float | None) -> None:
        """Ask it to let its sessions end, within `timeout` seconds if there is one."""
        self.state = State.LEAVING
        self.tell(Verb.DRAIN, "" if timeout is None else f"{timeout:g}")

    def stop(self) -> None:
        """Ask it to close everything now."""
        self.state = State.LEAVING
        self.tell(Verb.STOP)

    def kill(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Reap it, which must have ended; the status as `waitpid` gives it."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        self.control.close()
        return status


def fork_worker(birth: Callable[[socket.socket], Birth], enter: WorkerMain, born: float) -> Child:
    """Fork a worker; `birth` is called with its end of the control socket. Raises OSError.

    No loop may be running. Signals are held back until the child has put their handlers away, so that one sent to it
    in between ends it as the sender meant.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    inheritance = birth(theirs)
    gc.freeze()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            become_worker(inheritance, enter, mask)
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return Child(pid, inheritance.slot, inheritance.generation, ours, born)


def become_worker(birth: Birth, enter: WorkerMain, mask: Iterable[int]) -> NoReturn:
    """The child's side of the fork."""
    status = EXIT_CRASHED
    try:
        restore_defaults()
        close_all_but(
            {
                *STDIO,
                birth.control.fileno(),
                *birth.files.fds(),
                *birth.zones.descriptors,
                *(one.fileno() for _, one in birth.listeners),
            }
        )
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        asyncio._set_running_loop(None)
        setproctitle.setproctitle(TITLE)
        surroundings.apply(birth)
        enter(birth)
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else EXIT_CRASHED
    except BaseException as error:
        report_crash(birth, error)
    finally:
        os._exit(status)


def close_all_but(kept: set[int]) -> None:
    """Close every descriptor that is not in `kept`.

    The master's objects still hold the numbers closed here. They live as long as its frames, which this process never
    leaves but by `os._exit`, so none of them can close a number that has been used again.
    """
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:
                pass  # the folder's own


def report_crash(birth: Birth, error: BaseException) -> None:
    """Say why a worker went down, with the trace: descriptor 2 of a master in the background leads nowhere."""
    birth.log.alert(f"worker process crashed: {error!r}")
    for line in traceback.format_exception(error):
        for part in line.rstrip().splitlines():
            birth.log.alert(part)


def level_of_death(expected: bool, status: int) -> Level:
    """How loud the line about an end is, as with nginx."""
    if expected or status == 0:
        return Level.NOTICE
    return Level.ALERT if os.WIFSIGNALED(status) else Level.ERROR


def death_of(status: int) -> str:
    """nginx's words for how a process ended."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        core = " (core dumped)" if os.WCOREDUMP(status) else ""
        guess = "; perhaps out of memory?" if number == signal.SIGKILL else ""
        return f"exited on signal {number}{core}{guess}"
    return f"exited with code {os.waitstatus_to_exitcode(status)}"
