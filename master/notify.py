"""sd_notify: telling the service manager how we are (the protocol of sd_notify(3), datagrams to $NOTIFY_SOCKET).

Everything is best effort: with no manager, or one that went away, nothing happens and nothing is raised.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

MICROSECONDS: Final = 1_000_000
PATIENCE: Final = 1.0
"""Seconds to wait for a manager whose queue is full: a READY=1 must not get lost, and we must not hang."""


class Notifier:
    """Speaks to the manager that `environ` names, if any."""

    def __init__(self, environ: Mapping[str, str], monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._monotonic_ns = monotonic_ns
        self.watchdog_interval = _watchdog_interval(environ)
        """Seconds between two calls of `watchdog()`: half of what the manager allows; None when it does not watch."""

    @property
    def enabled(self) -> bool:
        """Whether a manager listens."""
        return self._address is not None

    def ready(self, status: str = "") -> None:
        """Started, or done with a reload, refused ones included: a reload is over only when READY=1 follows it."""
        self._send("READY=1", *_status(status))

    def reloading(self, status: str = "") -> None:
        """A reload begins; the time stamp is what `Type=notify-reload` waits for."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={self._monotonic_ns() // 1000}", *_status(status))

    def stopping(self, status: str = "") -> None:
        """The way out."""
        self._send("STOPPING=1", *_status(status))

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(*_status(text))

    def main_pid(self, pid: int) -> None:
        """Another process leads from now on (honoured with NotifyAccess=all)."""
        self._send(f"MAINPID={pid}")

    def watchdog(self) -> None:
        """Still alive."""
        self._send("WATCHDOG=1")

    def _send(self, *assignments: str) -> None:
        if self._address is None or not assignments:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
                wire.settimeout(PATIENCE)
                wire.sendto("\n".join(assignments).encode("utf-8", "replace"), self._address)
        except OSError:
            pass


def _address(text: str) -> str | bytes | None:
    if text.startswith("@"):
        return b"\0" + os.fsencode(text[1:])
    return text if text.startswith("/") else None


def _status(text: str) -> tuple[str, ...]:
    """One assignment is one line, so a text of several becomes one."""
    flat = " ".join(text.split())
    return (f"STATUS={flat}",) if flat else ()


def _watchdog_interval(environ: Mapping[str, str]) -> float | None:
    pid = environ.get("WATCHDOG_PID")
    if pid is not None and pid != str(os.getpid()):
        return None
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return microseconds / MICROSECONDS / 2 if microseconds > 0 else None
