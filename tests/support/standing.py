"""A real Penstock whose workers are stand-ins, for tests of the master alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from clients import connect
from gate import Gate

PROGRAM: Final = Path(__file__).with_name("standin.py")
ECHO: Final = "stream { server { listen 127.0.0.1:%%PORT_echo%%; return standin; } }\n"


class Standing(Gate):
    """`standin.py` in the place of `python -m penstock`."""

    def command(self) -> Sequence[str]:
        return (sys.executable, str(PROGRAM), str(self.directory), str(self.file))

    def ordered(self, word: str) -> Sequence[str]:
        """The command of `-s word`, which needs no worker."""
        return (*super().command(), "-s", word)

    def ask(self, name: str = "echo") -> tuple[int, int]:
        """Pid and generation of the worker that answers a new connection."""
        with connect(self.port(name)) as client:
            client.sendall(b"x")
            pid, generation, _ = client.recv(100).split()
        return int(pid), int(generation)
