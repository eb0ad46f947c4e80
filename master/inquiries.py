"""Asks workers about their sessions while they serve, those of generations on their way out as well.

A worker that does not answer in time is left out, and the answer says so: whoever asks wants to see what goes on, also
when one worker is held up.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ..shared.inquiry import Inquiry, read, to_file
from ..shared.messages import Verb
from .child import Child, State

DEADLINE: Final = 2.0
"""Seconds that a worker has to answer."""


@dataclass(slots=True)
class Answers:
    """What workers have said to one question."""

    by_pid: dict[int, Any] = field(default_factory=dict)
    silent: list[int] = field(default_factory=list)
    """The pids of those that did not answer in time."""


@dataclass(slots=True)
class _Asked:
    """A question that is under way."""

    future: asyncio.Future[Answers]
    answers: Answers = field(default_factory=Answers)
    files: dict[int, int] = field(default_factory=dict)
    """The descriptors that workers write to, by pid."""
    timer: asyncio.TimerHandle | None = None

    def taken(self, pid: int, *, answered: bool) -> None:
        """A worker has answered, or is gone."""
        descriptor = self.files.pop(pid, None)
        if descriptor is None:
            return
        try:
            if answered:
                self.answers.by_pid[pid] = read(descriptor)
        finally:
            os.close(descriptor)

    def settle(self) -> bool:
        """Tell the answers if nobody is awaited any more."""
        if self.files:
            return False
        if self.timer is not None:
            self.timer.cancel()
        if not self.future.done():
            self.future.set_result(self.answers)
        return True


class Inquiries:
    """See the module."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, children: Callable[[], Iterable[Child]], deadline: float = DEADLINE
    ) -> None:
        self._loop = loop
        self._children = children
        self._deadline = deadline
        self._number = 0
        self._asked: dict[int, _Asked] = {}

    def children(self) -> tuple[Child, ...]:
        """Every worker that is alive, of all generations."""
        return tuple(self._children())

    async def ask(self, inquiry: Inquiry, pid: int | None = None) -> Answers:
        """Ask every worker, or one of them."""
        self._number += 1
        number = self._number
        asked = _Asked(self._loop.create_future())
        for child in self.children():
            if child.state is not State.STARTING and pid in (None, child.pid):
                self._send(asked, number, child, inquiry)
        if not asked.settle():
            self._asked[number] = asked
            asked.timer = self._loop.call_later(self._deadline, self._expire, number)
        return await asked.future

    def heard(self, child: Child, text: str) -> None:
        """A worker has answered."""
        asked = self._asked.get(int(text)) if text.isdecimal() else None
        if asked is not None:
            asked.taken(child.pid, answered=True)
            self._settle()

    def gone(self, child: Child) -> None:
        """A worker has ended, and its sessions with it."""
        for asked in self._asked.values():
            asked.taken(child.pid, answered=False)
        self._settle()

    def _send(self, asked: _Asked, number: int, child: Child, inquiry: Inquiry) -> None:
        descriptor = to_file(inquiry)
        if child.hand(Verb.ASK, str(number), descriptor):
            asked.files[child.pid] = descriptor
        else:
            os.close(descriptor)
            asked.answers.silent.append(child.pid)

    def _expire(self, number: int) -> None:
        asked = self._asked[number]
        asked.timer = None
        asked.answers.silent += asked.files
        for pid in tuple(asked.files):
            asked.taken(pid, answered=False)
        self._settle()

    def _settle(self) -> None:
        self._asked = {number: asked for number, asked in self._asked.items() if not asked.settle()}
