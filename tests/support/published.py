"""A real Penstock whose records the test changes."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from clients import connect_unix
from deadline import seconds
from gate import Gate

from penstock.shared.live.records import Changed, Record

PROGRAM: Final = Path(__file__).with_name("publishing.py")


class Published(Gate):
    """`publishing.py` in the place of `python -m penstock`; `base` are the records of the beginning."""

    def __init__(
        self, directory: Path, text: str, base: Iterable[tuple[str, Record]] = (), /, **values: object
    ) -> None:
        (directory / "base.json").write_text(json.dumps(list(base)))
        self._version = 1
        self._changes: socket.socket | None = None
        super().__init__(directory, text, **values)

    def command(self) -> Sequence[str]:
        return (sys.executable, str(PROGRAM), str(self.directory), str(self.file))

    def publish(self, *changes: Changed) -> dict[str, Any]:
        """Have records change, and wait until they are in force; the outcome."""
        if self._changes is None:
            self._changes = connect_unix(str(self.directory / "changes"))
            self._changes.settimeout(seconds(60))
        self._version += 1
        line = [self._version, [(change.kind, change.id, change.after) for change in changes]]
        self._changes.sendall(json.dumps(line).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = self._changes.recv(65536)
            assert part, f"no answer to a change: {self.errors()}"
            answer += part
        outcome: dict[str, Any] = json.loads(answer)
        assert outcome["version"] == self._version
        return outcome

    def stop(self, *arguments: Any, **more: Any) -> int:
        if self._changes is not None:
            self._changes.close()
        return super().stop(*arguments, **more)
