"""Loopback ports that no other test on this machine is given while this process holds them.

They lie below the kernel's ephemeral range, so that no outgoing connection can sit on one. A port is
leased by a lock on a file named after it; the kernel drops the lock with the process.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import Final

FIRST: Final = 12000
LAST: Final = 32000

_leases: dict[int, int] = {}


def free_port() -> int:
    """Lease a port that nothing listens on."""
    start = random.randrange(FIRST, LAST)
    for step in range(LAST - FIRST):
        port = FIRST + (start - FIRST + step) % (LAST - FIRST)
        if port not in _leases and _lease(port):
            return port
    raise AssertionError(f"no free port between {FIRST} and {LAST}")


def release(port: int) -> None:
    """Give a port back."""
    lease = _leases.pop(port, None)
    if lease is not None:
        os.close(lease)


def _lease(port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / f"penstock-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    lease = os.open(folder / str(port), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _bindable(port):
            raise BlockingIOError
    except BlockingIOError:
        os.close(lease)
        return False
    _leases[port] = lease
    return True


def _bindable(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True
