"""The process and its terminal: descriptors 0, 1 and 2, leaving for the background, and taking a program's place."""

from __future__ import annotations

import fcntl
import os
import sys
from dataclasses import dataclass
from typing import Final

STDIO: Final = (0, 1, 2)
STARTED: Final = b"+"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the master runs, and whom it tells that it serves."""

    stderr: int
    """A duplicate of the descriptor 2 that the program was started with."""
    report: int | None = None
    """In the background: the pipe that the started process waits on; in an old program's place: the one to that."""
    keeps_stderr: bool = True
    succeeds: bool = False
    """Whether this program takes the place of an old one."""

    @property
    def complaints(self) -> int:
        """The descriptor to which a start that fails is explained."""
        return self.report if self.succeeds and self.report is not None else self.stderr

    def started(self) -> None:
        """Everything serves: let the started process end with status 0, and its descriptor 2 go."""
        if self.report is not None:
            try:
                os.write(self.report, STARTED)
            except OSError:
                pass  # the old program was told to end meanwhile
            os.close(self.report)
        if not self.keeps_stderr:
            os.dup2(2, self.stderr, inheritable=False)


def open_descriptors() -> None:
    """Open /dev/null where descriptor 0, 1 or 2 is closed, before a socket or a log gets that number."""
    for fd in STDIO:
        try:
            fcntl.fcntl(fd, fcntl.F_GETFD)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != fd:  # cannot be: the lowest free number is given, and lower ones are open by now
                os.dup2(null, fd, inheritable=True)
                os.close(null)
            os.set_inheritable(fd, True)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def stay() -> Place:
    """`daemon off`: in front."""
    return Place(fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, 3))


def detach(keeps_stderr: bool) -> Place:
    """`daemon on`: go on in a child with a session of its own, on /dev/null.

    The started process ends only when the child serves, with status 0, or has given up, with the child's status. Until
    then the child's complaints go to the old descriptor 2; afterwards only what is logged there (`keeps_stderr`) does.
    """
    waiting, report = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child != 0:
        os.close(report)
        wait_for_start(child, waiting)
    os.close(waiting)
    os.setsid()
    os.umask(0)
    stderr = fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for fd in STDIO:
        os.dup2(null, fd)
    os.close(null)
    return Place(stderr, report, keeps_stderr)


def succeed(stderr: int, output: int) -> Place:
    """Run where the old program runs, which reads our descriptor 2 until we serve; `output` takes its place."""
    report = fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, 3)
    os.dup2(output, 2)
    os.close(output)
    return Place(stderr, report, succeeds=True)


def wait_for_start(child: int, waiting: int) -> None:
    """Leave with the status that tells how the child's start went."""
    if os.read(waiting, 1) == STARTED:
        os._exit(0)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) or 1 if os.WIFEXITED(status) else 1)
