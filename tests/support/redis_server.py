"""A Redis server of the test's own."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from deadline import seconds, wait_for
from needs import program
from ports import free_port


class RedisServer:
    """On a port of loopback, keeping nothing."""

    def __init__(self, directory: Path, *flags: str, port: int = 0) -> None:
        self.port = port or free_port()
        self.directory = directory
        self.flags: Sequence[str] = flags
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin, or begin again with nothing."""
        settings = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": self.directory}
        flags = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        with (self.directory / "redis.log").open("ab") as log:
            self.process = subprocess.Popen([program("redis-server"), *flags, *self.flags], stdout=log, stderr=log)
        wait_for(self.answers, "Redis answers")

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            return self.ask("PING") in ("+PONG", "-NOAUTH Authentication required.")
        except OSError:
            return False

    def ask(self, *words: str) -> str:
        """The first line of the answer to a command."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds(5)) as connection:
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.makefile("rb").readline().decode().strip()

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(seconds(10))
            self.process = None
