"""Where workers are born and die: forks them, hears what they say, and learns from a pidfd that they are gone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from ..shared.errorlog import reason
from ..shared.messages import MAX_MESSAGE, Verb, decode
from ..shared.model.log import Level
from .child import Child, WorkerMain
from .generation import Generation
from .inquiries import Inquiries
from .ledger import Ledger
from .plugin_descriptions import Descriptions

FORK_AGAIN: Final = 1.0
"""Seconds until the next attempt after a fork that failed."""

Write = Callable[[Level, str], object]
Post = Callable[[Callable[[], object]], None]
"""Has an action done at the master's next turn, with no loop on the stack."""


class Nursery:
    """Every worker that is alive, whatever generation it belongs to."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        post: Post,
        enter: WorkerMain,
        ledger: Ledger,
        heard: Callable[[Child, Verb, str], None],
        died: Callable[[Child, int], None],
    ) -> None:
        """`heard` and `died` are called at a turn; `died` gets the status as `waitpid` gives it."""
        self._loop = loop
        self._post = post
        self._enter = enter
        self._ledger = ledger
        self._heard = heard
        self._died = died
        self._children: dict[int, Child] = {}
        self.descriptions = Descriptions()
        """Of the plugins that workers have imported."""
        self.inquiries = Inquiries(loop, lambda: self)
        """Questions to all of them."""
        self._spared: int | None = None
        """The one child that is no worker and is waited for elsewhere."""

    def __iter__(self) -> Iterator[Child]:
        return iter(tuple(self._children.values()))

    def __len__(self) -> int:
        return len(self._children)

    def spawn(self, generation: Generation, slot: int) -> Child:
        """Fork the worker of a slot and watch it; raises OSError."""
        self._ledger.add(generation.number, slot, generation.layout, generation.rows[slot])
        child = generation.spawn(slot, self._enter, self._loop.time())
        self._children[child.pid] = child
        self._loop.add_reader(child.control.fileno(), self._read, child)
        self._loop.add_reader(child.pidfd, self._post_death, child)
        return child

    def replace(self, generation: Generation, dead: Child, write: Write) -> None:
        """Have a worker that died in service born again: at once, or after a while if they keep dying young."""
        delay = generation.backoffs[dead.slot].delay(self._loop.time() - dead.born)
        self._later(delay, partial(self._bear, generation, dead.slot, write))

    def spare(self, pid: int | None) -> None:
        """Leave the status of a child to somebody else; None ends that."""
        self._spared = pid

    def reap_strangers(self) -> None:
        """Reap children that are not workers: whoever runs as PID 1 inherits orphans.

        `waitid` shows the first child that ended; a worker's status is left for its own turn.
        """
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in self._children or found.si_pid == self._spared:
                return
            os.waitpid(found.si_pid, 0)

    def _later(self, delay: float, action: Callable[[], object]) -> None:
        if delay:
            self._loop.call_later(delay, self._post, action)
        else:
            action()

    def _bear(self, generation: Generation, slot: int, write: Write) -> None:
        if generation.leaving or slot in generation.children:
            return
        try:
            child = self.spawn(generation, slot)
        except OSError as error:
            write(Level.ALERT, f'fork() failed while spawning "worker process" {reason(error)}')
            self._later(FORK_AGAIN, partial(self._bear, generation, slot, write))
            return
        write(Level.NOTICE, f"start worker process {child.pid}")

    def _read(self, child: Child) -> None:
        try:
            message = child.control.recv(MAX_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._loop.remove_reader(child.control.fileno())
            return
        child.inbox.append(message)
        self._post(partial(self._hear, child))

    def _hear(self, child: Child) -> None:
        while child.inbox:
            try:
                verb, text = decode(child.inbox.pop(0))
            except ValueError:
                continue
            if verb is Verb.PLUGIN:
                self.descriptions.learn(child.generation, text)
            elif verb is Verb.ANSWERED:
                self.inquiries.heard(child, text)
            else:
                self._heard(child, verb, text)

    def _post_death(self, child: Child) -> None:
        self._loop.remove_reader(child.pidfd)
        self._post(partial(self._bury, child))

    def _bury(self, child: Child) -> None:
        self._last_words(child)
        self._loop.remove_reader(child.control.fileno())
        status = child.wait()
        del self._children[child.pid]
        self._ledger.retire(child.generation, child.slot)
        self.inquiries.gone(child)
        self._died(child, status)
        self.reap_strangers()

    def _last_words(self, child: Child) -> None:
        """Hear what was said just before the end, whether it was read by now or is still in the socket."""
        while True:
            try:
                message = child.control.recv(MAX_MESSAGE)
            except OSError:
                break
            if not message:
                break
            child.inbox.append(message)
        self._hear(child)
