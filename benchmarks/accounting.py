"""What a program has cost: CPU time and private memory of a process and of all that descend from it, read in /proc.

`/proc/PID/stat` counts user and system time in ticks of 10 ms; `schedstat` gives the same sum in nanoseconds, so it is
preferred for processes that live. Children that ended and were waited for are in their parent's `stat`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

TICK: Final = 1 / os.sysconf("SC_CLK_TCK")
STIME: Final = 12
"""Fields of `stat` after the name in parentheses: utime is number 11, stime 12, cutime 13, cstime 14 (proc(5))."""


def descendants(pid: int) -> list[int]:
    """A process and everything below it that is alive."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue  # it ended meanwhile
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its descendants, those that ended included."""
    return sum(_of_process(process) for process in descendants(pid))


def user_share(pid: int, before: tuple[int, int]) -> float:
    """The part of the ticks since `before` (see `ticks`) that was not spent in the kernel."""
    user, system = (after - earlier for after, earlier in zip(ticks(pid), before, strict=True))
    return user / max(1, user + system)


def ticks(pid: int) -> tuple[int, int]:
    """User and system time of a process and its living descendants, in ticks."""
    user = system = 0
    for process in descendants(pid):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        user += int(fields[STIME - 1])
        system += int(fields[STIME])
    return user, system


def _of_process(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    own, reaped = (sum(int(word) for word in fields[at : at + 2]) * TICK for at in (STIME - 1, STIME + 1))
    return (_scheduled(pid) or own) + reaped


def _scheduled(pid: int) -> float:
    """Seconds that the threads of a process were on a processor, 0 where the kernel does not say."""
    return sum(_threads(pid).values())


def threads_seconds(pid: int) -> dict[int, float]:
    """The time that each thread of a process and of its descendants was on a processor."""
    return {thread: spent for process in descendants(pid) for thread, spent in _threads(process).items()}


def _threads(pid: int) -> dict[int, float]:
    found = {}
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            found[int(task.parent.name)] = int(task.read_text().split()[0]) / 1e9
        except (OSError, IndexError):
            continue
    return found


def private_bytes(pid: int) -> int:
    """Memory that only this process, or one of its descendants, holds."""
    total = 0
    for process in descendants(pid):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024
    return total
