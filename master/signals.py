"""Signals to the master: a handler only queues them; they are handled one by one where no loop is on the stack.

The order is nginx's: what ends the master goes before what changes it. A signal that came twice before its turn is
handled once, as the kernel itself would have merged the two.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from signal import Signals
from types import FrameType
from typing import Final

PRECEDENCE: Final = (
    signal.SIGCHLD,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
)
"""Every signal that the master handles, the most pressing first."""

ACTIONS: Final = {
    signal.SIGTERM: ", exiting",
    signal.SIGINT: ", exiting",
    signal.SIGQUIT: ", shutting down",
    signal.SIGHUP: ", reconfiguring",
    signal.SIGUSR1: ", reopening logs",
    signal.SIGUSR2: ", changing binary",
    signal.SIGWINCH: ", stop accepting connections",
}
"""nginx's words for what a signal leads to."""


class SignalQueue:
    """The signals that wait for their turn."""

    def __init__(self, wake: Callable[[], object]) -> None:
        """`wake` is called from within the handler, so it must be safe there (`call_soon_threadsafe` is)."""
        self._wake = wake
        self._pending: set[int] = set()

    def install(self) -> None:
        """Take over every signal of `PRECEDENCE`."""
        for number in PRECEDENCE:
            signal.signal(number, self._queue)

    def take(self) -> Signals | None:
        """The most pressing signal, removed from the queue; None when there is none."""
        for number in PRECEDENCE:
            if number in self._pending:
                self._pending.discard(number)
                return Signals(number)
        return None

    def __bool__(self) -> bool:
        return bool(self._pending)

    def _queue(self, number: int, _frame: FrameType | None) -> None:
        self._pending.add(number)
        self._wake()


def restore_defaults() -> None:
    """Undo `install` in a forked child, the descriptor that the loop is woken by included."""
    signal.set_wakeup_fd(-1)
    for number in PRECEDENCE:
        signal.signal(number, signal.SIG_DFL)


def received(number: Signals) -> str:
    """nginx's line for a signal."""
    return f"signal {number.value} ({number.name}) received{ACTIONS.get(number, '')}"


def ignored(number: Signals) -> str:
    """nginx's line for one that nothing comes of."""
    return f"signal {number.value} ({number.name}) received, ignoring"


def has_terminal() -> bool:
    """Whether a terminal controls this process.

    The terminal sends SIGWINCH whenever its window changes size, which must not stop the workers.
    """
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
