"""What the figures were measured on, and who else used it meanwhile."""

from __future__ import annotations

import datetime
import os
import platform
import re
import ssl
from pathlib import Path
from typing import Final

from benchmarks.accounting import TICK, cpu_seconds

IDLE: Final = slice(3, 5)
"""Fields of `cpu` in /proc/stat that are not work: idle and iowait. The two last (guest) are within user (proc(5))."""
GUEST: Final = 8


def described() -> dict[str, str]:
    """The machine, for people."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.M)
    memory = re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(), re.M)
    virtual = " (virtual machine)" if re.search(r"^flags.*\bhypervisor\b", cpuinfo, re.M) else ""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": f"{os.cpu_count()} × {model[1] if model else platform.machine()}{virtual}",
        "memory": f"{int(memory[1]) / 1024**2:.0f} GiB" if memory else "",
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "openssl": ssl.OPENSSL_VERSION,
    }


class Neighbours:
    """Processor time that went to nobody of this run: with it, figures become noisy."""

    def __init__(self) -> None:
        self._busy, self._total = _machine()
        self._ours = cpu_seconds(os.getpid())

    def share(self) -> float:
        """The part of the machine that others used since the last look."""
        busy, total = _machine()
        ours = cpu_seconds(os.getpid())
        foreign = (busy - self._busy) - (ours - self._ours)
        share = max(0.0, foreign / max(TICK, total - self._total))
        self._busy, self._total, self._ours = busy, total, ours
        return share


def _machine() -> tuple[float, float]:
    """Seconds of work and seconds at all, of all processors together."""
    words = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    ticks = [int(word) for word in words[:GUEST]]
    return (sum(ticks) - sum(ticks[IDLE])) * TICK, sum(ticks) * TICK
