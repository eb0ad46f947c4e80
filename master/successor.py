"""A new program that is to replace this one: started with our listening sockets, heard, and watched.

Its descriptor 2 is a pipe to us until it runs by itself, so that whatever keeps it from starting can be told in our
log, a module that cannot be imported included.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from .elder import MOST_DESCRIPTORS, Word
from .inherit import HANDOVER, Handover

SAID_LIMIT: Final = 16384
"""Bytes of its standard error that are kept, the last ones."""
EMERG: Final = re.compile(r"^penstock: \[emerg\] (.+)$", re.M)
CHUNK: Final = 4096
WORDS: Final = frozenset(Word)


class Successor:
    """The new program."""

    def __init__(self, pid: int, control: socket.socket, said: int) -> None:
        self.pid = pid
        self.serving = False
        """Whether it accepts sessions."""
        self._pidfd = os.pidfd_open(pid)
        self._control = control
        self._said_fd = said
        self._said = b""

    def watch(
        self,
        loop: asyncio.AbstractEventLoop,
        told: Callable[[Word, list[socket.socket]], object],
        ended: Callable[[], object],
    ) -> None:
        """Have both called in the loop; after `ended`, `close` is due."""

        def read_said() -> None:
            if not self._read_said():
                loop.remove_reader(self._said_fd)

        def read_control() -> None:
            while message := self._read_control():
                data, sockets = message
                if not data:
                    loop.remove_reader(self._control.fileno())
                    return
                if data[0] in WORDS:
                    told(Word(data[0]), sockets)

        def gone() -> None:
            read_control()  # its last words
            for fd in (self._pidfd, self._said_fd, self._control.fileno()):
                loop.remove_reader(fd)
            ended()

        loop.add_reader(self._said_fd, read_said)
        loop.add_reader(self._control.fileno(), read_control)
        loop.add_reader(self._pidfd, gone)

    def reason(self) -> str:
        """Why it did not start, out of what it said."""
        while self._read_said():
            pass
        text = self._said.decode(errors="replace")
        found = EMERG.findall(text)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return found[0] if found else lines[-1] if lines else "it said nothing"

    def bury(self) -> int:
        """Reap it, which must have ended; the status as `waitpid` gives it."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self._pidfd)
        os.close(self._said_fd)
        self._control.close()
        return status

    def _read_said(self) -> bool:
        """Read what there is; whether there may be more to come."""
        try:
            data = os.read(self._said_fd, CHUNK)
        except BlockingIOError:
            return False
        self._said = (self._said + data)[-SAID_LIMIT:]
        return data != b""

    def _read_control(self) -> tuple[bytes, list[socket.socket]] | None:
        """One message, empty at the end of all; None when there is none yet."""
        try:
            data, fds, _, _ = socket.recv_fds(self._control, CHUNK, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return None
        except OSError:
            return b"", []
        return data, [socket.socket(fileno=fd) for fd in fds]


def program() -> str:
    """What is executed: the interpreter that runs us, wherever the new program's code is by now."""
    return sys.executable


def spawn(own: Sequence[socket.socket], given: Sequence[socket.socket], stderr: int) -> Successor:
    """Start the program anew as this one was started, in the same folder; raises OSError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    said, speech = os.pipe2(os.O_CLOEXEC)
    output = fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, 3)
    handover = Handover(
        elder=os.getpid(),
        control=theirs.fileno(),
        stderr=stderr,
        output=output,
        own=[one.fileno() for one in own],
        given=[one.fileno() for one in given],
    )
    # dup2 of a descriptor onto itself lets it be inherited (glibc since 2.29, POSIX 2024)
    kept = [(os.POSIX_SPAWN_DUP2, fd, fd) for fd in handover.descriptors()]
    actions = [(os.POSIX_SPAWN_DUP2, speech, 2), *kept]
    try:
        words = [program(), *sys.orig_argv[1:]]
        pid = os.posix_spawn(program(), words, environment(os.environ, handover), file_actions=actions, setsigmask=())
    except OSError:
        ours.close()
        os.close(said)
        raise
    finally:
        theirs.close()
        os.close(speech)
        os.close(output)
    ours.setblocking(False)
    os.set_blocking(said, False)
    return Successor(pid, ours, said)


def environment(ours: Mapping[str, str], handover: Handover) -> dict[str, str]:
    """Ours, with what is handed over; and the watchdog's word that it was meant for our pid left out."""
    kept = {name: value for name, value in ours.items() if name != "WATCHDOG_PID"}
    return {**kept, HANDOVER: handover.text()}
