"""Clients that come one after the other without end, and remember each that was not served."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from clients import connect, echoed
from deadline import seconds

PAUSE: Final = 0.005
"""Seconds between a client's visits: each leaves two ports in TIME_WAIT for a minute, and there are 28,000."""


class Load:
    """`threads` clients at a time, each connecting anew for one echo; use it in a `with`."""

    def __init__(self, port: int, threads: int = 3, visit: Callable[[int], None] | None = None) -> None:
        self.port = port
        self.visit = visit or _visit
        self.served = 0
        self.failures: list[str] = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, name=f"load {n}", daemon=True) for n in range(threads)]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(seconds(30))

    def _run(self) -> None:
        while not self.stopping.wait(PAUSE):
            try:
                self.visit(self.port)
            except Exception as error:
                with self.lock:
                    self.failures.append(repr(error))
            else:
                with self.lock:
                    self.served += 1


def _visit(port: int) -> None:
    with connect(port) as client:
        answer = echoed(client, b"ping")
    if answer != b"ping":
        raise ConnectionError(f"answered {answer!r}")
