"""`file-log`: a line of JSON for every session, appended to a file. Kong's plugin of that name."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ...shared.errorlog import open_log
from ...shared.plugin import LogPath, Record, setting
from ..kit.log_plugin import LogConfig, LogPlugin, as_json
from ..kit.queue import Queue, QueueConfig


class FileLog(LogPlugin):
    """Appends records to a file, one to a line."""

    version = "1.0.0"
    priority = 9

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config(LogConfig):
        """Where to."""

        path: LogPath = setting(doc="The file; relative to the prefix.")
        reopen: bool = setting(False, doc="Whether it is opened anew for every write, for who rotates without USR1.")
        queue: QueueConfig = setting(QueueConfig(max_batch_size=1000, max_coalescing_delay=0.0))

    config: Config
    queue: Queue[bytes]
    _fd: int = -1

    def init_worker(self) -> None:
        """Open the file: a path that cannot be written refuses the start."""
        self._fd = open_log(self.config.path)
        self.queue = Queue(self.worker, self.config.queue, self.write)
        super().init_worker()

    def emit(self, record: Record) -> None:
        """One line more."""
        line = as_json(record) + b"\n"
        self.queue.put(line, len(line))

    def write(self, lines: list[bytes]) -> None:
        """Append lines with one call, which keeps those of several workers whole."""
        if self.config.reopen:
            self.reopen()
        data = b"".join(lines)
        while data:
            data = data[os.write(self._fd, data) :]

    def reopen(self) -> None:
        """Follow a file that was rotated."""
        fresh = open_log(self.config.path)
        try:
            os.dup2(fresh, self._fd, inheritable=False)
        finally:
            os.close(fresh)

    async def close(self) -> None:
        """Write what is left."""
        if self._fd >= 0:
            await self.queue.close()
            os.close(self._fd)
            self._fd = -1
