"""Load generators: forked processes that each run one blocking loop and count what they did in shared memory.

A blocking loop per process is the cheapest generator that Python can be (no readiness calls), keeps the number of
connections in flight constant, and needs nothing installed. All of a crew's processes share a set of processors that
the proxy under test does not use, and die with the process that started them.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self

PR_SET_PDEATHSIG: Final = 1
"""prctl(2): the signal that this process gets when its parent ends."""
MOST_ERRORS: Final = 20
"""A process that failed so often gives up."""


class Cell:
    """Two numbers of one process: units done and errors. Only its process writes them."""

    __slots__ = ("at", "numbers")

    def __init__(self, numbers: memoryview, at: int) -> None:
        self.numbers = numbers
        self.at = at * 2

    def add(self, units: int = 1) -> None:
        """Count units that were done."""
        self.numbers[self.at] += units

    def fail(self) -> None:
        """Count an error."""
        self.numbers[self.at + 1] += 1


Job = Callable[[Cell], object]


class Crew:
    """Processes with a job each; use it in a `with`, which ends them."""

    def __init__(self, jobs: Iterable[Job], cpus: set[int]) -> None:
        self.jobs = list(jobs)
        self.cpus = cpus
        self._memory = mmap.mmap(-1, max(1, len(self.jobs)) * 16)
        self._numbers = memoryview(self._memory).cast("Q")
        self._pids: list[int] = []

    def __enter__(self) -> Self:
        sys.stdout.flush()
        gc.freeze()  # children share the parent's pages
        for at, job in enumerate(self.jobs):
            self._pids.append(self._fork(job, Cell(self._numbers, at)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in self._pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for pid in self._pids:
            os.waitpid(pid, 0)
        self._pids.clear()

    def _fork(self, job: Job, cell: Cell) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        try:
            die_with(parent, signal.SIGKILL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.sched_setaffinity(0, self.cpus)
            repeat(job, cell)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    @property
    def units(self) -> int:
        """What was done so far, by all."""
        return sum(self._numbers[0::2])

    @property
    def errors(self) -> int:
        """What failed so far, of all."""
        return sum(self._numbers[1::2])

    @property
    def each(self) -> list[int]:
        """What was done so far, by each."""
        return list(self._numbers[0::2])


def repeat(job: Job, cell: Cell) -> None:
    """Run the job; after an error run it anew, but not for ever."""
    for _ in range(MOST_ERRORS):
        try:
            job(cell)
            signal.pause()  # done: only its counter is still wanted
        except Exception as error:
            cell.fail()
            if cell.numbers[cell.at + 1] == 1:
                print(f"    load generator: {error!r}", file=sys.stderr)


def die_with(parent: int, sig: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
