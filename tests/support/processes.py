"""What the kernel tells of a process: its memory, and whose connections it holds."""

from __future__ import annotations

import os
import re
from pathlib import Path


def resident(pid: int) -> int:
    """Bytes of a process in memory."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    assert found is not None
    return int(found[1]) * 1024


def alive(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def clients_of(pid: int) -> set[int]:
    """The remote ports of a process's TCP connections over IPv4."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(fields[2].rsplit(":", 1)[1], 16) for fields in lines if fields[9] in inodes}


def mentioning(text: str) -> list[int]:
    """Processes whose command line holds a text, this one left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if text.encode() in command and alive(int(entry.name)):
            found.append(int(entry.name))
    return found
