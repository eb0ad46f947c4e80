"""The system calls of a running process, counted by strace."""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deadline import seconds
from needs import program


@contextmanager
def traced(pid: int, directory: Path) -> Iterator[Counter[str]]:
    """Count what a process asks of the kernel while the block runs; the counter is filled when it ends."""
    calls: Counter[str] = Counter()
    report = directory / "strace.txt"
    with attached(pid, report, "-c"):
        yield calls
    calls.update(counted(report.read_text()))


@contextmanager
def attached(pid: int, report: Path, *options: str) -> Iterator[None]:
    """Have strace follow a process while the block runs, its report in a file."""
    command = [program("strace"), "-f", "-p", str(pid), "-o", str(report), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        if "attached" not in said:
            strace.wait(seconds(10))
            pytest.skip(f"strace may not look at a process here: {said.strip()}")
        try:
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(seconds(10))


def counted(report: str) -> dict[str, int]:
    """The table of `strace -c`: calls by name."""
    rows = [line.split() for line in report.splitlines()]
    return {row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit() and row[-1] != "total"}
