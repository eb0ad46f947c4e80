"""Pipes for splice, pooled: only a direction that is moving bulk holds one."""

from __future__ import annotations

import fcntl
import os
from typing import Final

SIZE: Final = 1 << 20
"""Bytes asked for; the kernel refuses it to a user who already holds `pipe-user-pages-soft` pages."""
KEEP: Final = 64
"""Empty pipes kept for the next stream."""


class Pipe:
    """A pipe and how many bytes are in it."""

    __slots__ = ("held", "reader", "size", "writer")

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.held = 0
        try:
            self.size = fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, SIZE)
        except OSError:
            self.size = fcntl.fcntl(self.writer, fcntl.F_GETPIPE_SZ)

    def close(self) -> None:
        """Close both ends; what is inside is lost."""
        os.close(self.reader)
        os.close(self.writer)


class PipePool:
    """Takes and gives pipes."""

    __slots__ = ("_free",)

    def __init__(self) -> None:
        self._free: list[Pipe] = []

    def take(self) -> Pipe | None:
        """An empty pipe, or None when there are no descriptors left (the caller goes on copying)."""
        if self._free:
            return self._free.pop()
        try:
            return Pipe()
        except OSError:
            return None

    def give(self, pipe: Pipe) -> None:
        """Back to the pool; one that still holds bytes is closed, since they belong to nobody else."""
        if pipe.held or len(self._free) >= KEEP:
            pipe.close()
        else:
            self._free.append(pipe)

    def close(self) -> None:
        """Close what is in the pool."""
        while self._free:
            self._free.pop().close()
