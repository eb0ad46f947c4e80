"""Access logs at paths with variables: which of their files stay open (`open_log_file_cache`)."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from ..shared.errorlog import open_failed, open_log
from ..shared.model.log import OpenLogFiles
from .logbuffer import Losses

BRIEFLY: Final = OpenLogFiles(most=10, inactive=10.0, valid=1.0)
"""Without a cache nginx opens such a file for every line. Here a few stay open, for as long as nobody is likely to
notice."""


class OpenFile:
    """A file that was written to lately."""

    __slots__ = ("checked", "fd", "used", "uses")

    def __init__(self) -> None:
        self.fd: int | None = None
        """None while it was not used often enough to stay open."""
        self.checked = 0.0
        """When it was last known to be the file at its path."""
        self.used = 0.0
        self.uses = 0

    def close(self) -> None:
        """Let the descriptor go."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


class Directory:
    """The files of one `open_log_file_cache`, the one used last at the end."""

    __slots__ = ("_files", "_losses", "_now", "_rules")

    def __init__(self, rules: OpenLogFiles, losses: Losses, now: Callable[[], float]) -> None:
        self._rules = rules
        self._losses = losses
        self._now = now
        self._files: OrderedDict[str, OpenFile] = OrderedDict()

    def put(self, path: str, line: bytes) -> None:
        """Write a line to the file at `path`."""
        # A variable may be a client's word: it must not lead out of the directory that the configuration names.
        if "/../" in path or "\0" in path:
            self._losses.add("", 1, f'the access log\'s path "{path}" is refused')
            return
        now = self._now()
        self.expire(now)
        file = self._files.pop(path, None) or OpenFile()
        try:
            fd = self._ready(file, path, now)
        except OSError as error:
            self._losses.add(path, 1, open_failed(path, error))
            return
        self._losses.write(fd, path, line)
        if file.uses < self._rules.min_uses:
            file.close()
        self._files[path] = file
        if len(self._files) > self._rules.most:
            self._files.popitem(last=False)[1].close()

    def expire(self, now: float) -> None:
        """Close what was not used for a while."""
        limit = now - self._rules.inactive
        while self._files:
            path, oldest = next(iter(self._files.items()))
            if oldest.used > limit:
                return
            oldest.close()
            del self._files[path]

    def close(self) -> None:
        """Close what is open; the next line opens it again."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _ready(self, file: OpenFile, path: str, now: float) -> int:
        """The descriptor to write to; raises OSError, and leaves nothing open then."""
        if file.fd is not None and now - file.checked >= self._rules.valid:
            file.checked = now
            if not is_at(path, file.fd):
                file.close()
        if file.fd is None:
            file.fd = open_log(path)
            file.checked = now
        file.used = now
        file.uses += 1
        return file.fd


def is_at(path: str, fd: int) -> bool:
    """Whether the file at a path is still the one that is open."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except OSError:
        return False
