"""Load at a fixed rate, and how long each unit took: an open loop, as clients that know nothing of each other are.

Arrivals are Poisson. Time counts from when a unit was due, not from when its generator got round to it, or a subject
that stalls would be asked less often while it stalls (coordinated omission).
"""

from __future__ import annotations

import mmap
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.clients import Address, WrongAnswer, dial, read_answer
from benchmarks.crew import Cell, Job
from benchmarks.origin import ANSWER, REQUEST

KEPT: Final = 100_000
"""Units that one process remembers."""


class Timings:
    """Seconds that units took, written by the processes of a crew, read by their parent."""

    def __init__(self, processes: int) -> None:
        self._memory = mmap.mmap(-1, processes * KEPT * 8)  # touched only as far as it is used
        self._numbers = memoryview(self._memory).cast("d")
        self.processes = processes

    def row(self, process: int) -> memoryview[float]:
        """The numbers of one process."""
        return self._numbers[process * KEPT : (process + 1) * KEPT]

    def taken(self, first: list[int], last: list[int]) -> list[float]:
        """What was written between two looks at the crew's counters, in order of size."""
        rows = (self.row(process)[a:b].tolist() for process, (a, b) in enumerate(zip(first, last, strict=True)))
        return sorted(seconds for row in rows for seconds in row)


def percentile(ordered: list[float], part: float) -> float:
    """The value that `part` of all do not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


def paced(unit: Callable[[], object], rate: float, row: memoryview[float], seed: int) -> Job:
    """A job that does `unit` at a rate, and writes down how long each took."""

    def job(cell: Cell) -> None:
        Path("/proc/self/timerslack_ns").write_text("1")
        gap = random.Random(seed).expovariate
        due = time.monotonic() + gap(rate)
        for at in range(KEPT):
            late = time.monotonic() - due
            if late < 0:
                time.sleep(-late)
            unit()
            row[at] = time.monotonic() - due
            cell.add()
            due += gap(rate)

    return job


def visits(address: Address, request: bytes = REQUEST) -> Callable[[], object]:
    """One connection: connect, request, answer, close."""

    def unit() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.connect(address)
            sock.send(request)
            read_answer(sock, ANSWER)

    return unit


def requests(address: Address) -> Callable[[], object]:
    """One request on a session that is opened with the first."""
    opened: list[socket.socket] = []

    def unit() -> None:
        if not opened:
            opened.append(dial(address))
        opened[0].send(REQUEST)
        if len(opened[0].recv(4096)) != len(REQUEST):
            raise WrongAnswer("an echo of another length")

    return unit
