"""The program that this one is to replace, as the new master sees it: is it alive, and what is it to know."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final

from .inherit import Handover

PATIENCE: Final = 1.0
"""Seconds to wait for an old program that does not read."""
MOST_DESCRIPTORS: Final = 250
"""In one message; the kernel takes 253 (SCM_MAX_FD)."""


class Word(IntEnum):
    """What the new program tells the old one: one byte of a SOCK_SEQPACKET message."""

    SERVING = 1
    """Sessions are accepted. The descriptors beside it are sockets that were added to addresses of the old program."""
    LEAVING = 2
    """The new program stops accepting before the old one has ended."""


class Elder:
    """The old master; without one nobody is told anything."""

    def __init__(self, handover: Handover | None) -> None:
        self.pid = 0 if handover is None else handover.elder
        self._control: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pidfd = -1
        if handover is not None:
            self._control = socket.socket(fileno=handover.control)
            self._control.settimeout(PATIENCE)
            try:
                self._pidfd = os.pidfd_open(handover.elder)
            except OSError:
                pass  # it has ended by now

    @property
    def alive(self) -> bool:
        """Whether the old program is still there: whose parent ends is given to another."""
        return self._pidfd >= 0 and os.getppid() == self.pid

    def watch(self, loop: asyncio.AbstractEventLoop, ended: Callable[[], object]) -> None:
        """Have `ended` called, in the loop, when the old program is gone, unless that is noticed before."""
        if self._pidfd >= 0:
            self._loop = loop
            loop.add_reader(self._pidfd, ended)

    def tell(self, word: Word, sockets: Sequence[socket.socket] = ()) -> None:
        """Send a word; raises OSError when it does not arrive though the old program is alive."""
        if self._control is None or not self.alive:
            return
        numbers = [one.fileno() for one in sockets]
        try:
            for first in range(0, max(len(numbers), 1), MOST_DESCRIPTORS):
                socket.send_fds(self._control, [bytes((word,))], numbers[first : first + MOST_DESCRIPTORS])
        except OSError:
            if self.alive:
                raise

    def forget(self) -> None:
        """Close what led to it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._pidfd >= 0:
            if self._loop is not None:
                self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
