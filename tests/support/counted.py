"""Penstock with an event loop that counts: how many tasks and timers its workers have made so far.

Run as a program, it takes the prefix, the configuration and a file of two numbers, which the workers keep up to date.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import uvloop
from gate import Gate

from penstock.master.launch import launch_of
from penstock.master.start import start
from penstock.shared.birth import Birth
from penstock.worker.main import main

TASKS: Final = 0
TIMERS: Final = 1
SIZE: Final = 16


class Counted(Gate):
    """`counted.py` in the place of `python -m penstock`."""

    def command(self) -> Sequence[str]:
        self.numbers.write_bytes(bytes(SIZE))
        return (sys.executable, str(Path(__file__)), str(self.directory), str(self.file), str(self.numbers))

    @property
    def numbers(self) -> Path:
        """The file of the two numbers."""
        return self.directory / "numbers"

    def made(self) -> tuple[int, int]:
        """Tasks and timers so far."""
        tasks, timers = memoryview(self.numbers.read_bytes()).cast("Q")
        return tasks, timers


class CountingLoop(uvloop.Loop):
    """uvloop, but it tells."""

    numbers: memoryview[int]

    def create_task(self, *args: Any, **options: Any) -> Any:
        self.numbers[TASKS] += 1
        return super().create_task(*args, **options)

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]  # its generic cannot be told from Any
        self.numbers[TIMERS] += 1
        return super().call_later(delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]  # the same
        self.numbers[TIMERS] += 1
        return super().call_at(when, callback, *args, context=context)


def enter(birth: Birth) -> NoReturn:
    """A worker with such a loop; the master's own stays what it is."""
    uvloop.new_event_loop = CountingLoop
    main(birth)


def run(prefix: str, file: str, numbers: str) -> int:
    """Be Penstock."""
    with Path(numbers).open("r+b") as shared:
        CountingLoop.numbers = memoryview(mmap.mmap(shared.fileno(), SIZE)).cast("Q")
    return start(launch_of(prefix, file, "", None, False, sys.argv), enter)


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
