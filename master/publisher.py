"""Brings changes of records to the workers while they serve, and hears that they are in force.

Whoever keeps the records (the Admin API, with its store) calls

    publisher.base(records, version)            once, before the first worker is forked
    outcome = await publisher.publish(version, changes)

with `records` as (kind, record) and `changes` as anything that has `kind`, `id` and `after`. Changes are in force in
the order of the calls. What was published is part of every worker that is born later, after a death or a reload,
before it is READY: the master keeps the records, and a fork copies them.

The outcome is there when every worker that serves has either the changes, or is gone. A worker that does not answer in
time is killed, and replaced by one that has them: it holds up its sessions as well.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from ..shared.live.live import MALFORMED, Live
from ..shared.live.records import KINDS, Change, Changed, Record, Records, in_order
from ..shared.live.wire import parts, written
from ..shared.messages import Verb
from ..shared.model.log import Level
from ..shared.model.stream import Configuration
from .child import Child, State
from .expiries import Expiries
from .generation import Generation

DEADLINE: Final = 2.0
"""Seconds that a worker has to apply a change;"""
PER_CHANGE: Final = 0.001
"""and for each change more."""
AGAIN: Final = 0.5
"""Seconds until what could not be sent for want of descriptors or memory is tried again."""
WINDOW: Final = 16
"""Parts that a worker is sent before it has acknowledged the first; its socket holds more."""
KEPT: Final = 5000
"""Changes after which what is there is taken to stay: looking for garbage among 100,000 records holds up a request for
half a second."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change set."""

    version: int
    applied: tuple[int, ...] = ()
    """The pids of the workers that have it in force."""
    replaced: tuple[int, ...] = ()
    """Those that were killed for not applying it."""
    reasons: tuple[str, ...] = ()
    """Why workers could not apply it, or what of it they left out, as they said."""


class Parcel:
    """A part of a change set as it is sent, to be closed by the last who sends it."""

    __slots__ = ("descriptor", "left", "number")

    def __init__(self, number: int, descriptor: int, left: int) -> None:
        self.number = number
        self.descriptor = descriptor
        self.left = left

    def done(self) -> None:
        """One worker less needs it."""
        self.left -= 1
        if self.left == 0:
            os.close(self.descriptor)


class Line:
    """What a worker has still to be sent, and how much it has not acknowledged."""

    __slots__ = ("_child", "_queue", "_unanswered")

    def __init__(self, child: Child) -> None:
        self._child = child
        self._queue: deque[Parcel] = deque()
        self._unanswered = 0

    def send(self, parcel: Parcel) -> None:
        """Send it as soon as there is room."""
        self._queue.append(parcel)
        self._flush()

    def answered(self) -> None:
        """The worker has dealt with one more."""
        self._unanswered -= 1
        self._flush()

    def cut(self) -> None:
        """The worker is gone."""
        for parcel in self._queue:
            parcel.done()
        self._queue.clear()

    def _flush(self) -> None:
        while self._queue and self._unanswered < WINDOW:
            parcel = self._queue.popleft()
            if not self._child.hand(Verb.APPLY, str(parcel.number), parcel.descriptor):
                self._child.kill()  # if it is not dead already: whoever takes its place is born with everything
            self._unanswered += 1
            parcel.done()


@dataclass(slots=True)
class Job:
    """A change set on its way out."""

    version: int
    parts: deque[tuple[Changed, ...]]
    future: asyncio.Future[Outcome]
    seconds: float = 0.0
    """What workers may need for it, beside the deadline."""


class Waiting:
    """A change set that is not in force everywhere yet."""

    __slots__ = ("applied", "awaited", "future", "last", "reasons", "replaced", "seconds", "timer", "version")

    def __init__(self, job: Job, last: int, awaited: Iterable[Child]) -> None:
        self.version = job.version
        self.seconds = job.seconds
        self.future = job.future
        self.last = last
        """The number of its last part."""
        self.awaited = {child.pid: child for child in awaited}
        self.applied: list[int] = []
        self.replaced: list[int] = []
        self.reasons: list[str] = []
        self.timer: asyncio.TimerHandle | None = None

    def settle(self) -> bool:
        """Tell the outcome if nobody is awaited any more."""
        if self.awaited:
            return False
        if self.timer is not None:
            self.timer.cancel()
        if not self.future.done():
            outcome = Outcome(
                self.version, tuple(self.applied), tuple(self.replaced), tuple(dict.fromkeys(self.reasons))
            )
            self.future.set_result(outcome)
        return True


def with_records(*generations: Generation | None) -> list[Generation]:
    """Those whose workers may have records."""
    return [each for each in generations if each is not None and each.live is not None]


class Publisher:
    """See the module."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        generations: Callable[[], Sequence[Generation]],
        write: Callable[[Level, str], object],
        changed: Callable[[], object] = lambda: None,
        deadline: float = DEADLINE,
    ) -> None:
        """`generations` are those whose workers serve, or will: the one in force first. `changed` hears when upstreams
        have changed."""
        self._loop = loop
        self._generations = generations
        self._write = write
        self._changed = changed
        self._deadline = deadline
        self.records = Records()
        """What is in force, or on its way."""
        self.expiries = Expiries(lambda: self.records)
        """Until when their certificates are valid."""
        self.version = 0
        self.in_use = False
        """Whether there may be records."""
        self._jobs: deque[Job] = deque()
        self._number = 0
        self._young = 0
        """Changes since then."""
        self._lines: dict[int, Line] = {}
        self._waiting: list[Waiting] = []

    def base(self, records: Iterable[tuple[str, Record]], version: int) -> None:
        """What the first workers begin with."""
        with frozen():
            self.records = in_order(records)
        self.version = version
        self.in_use = True

    def publish(self, version: int, changes: Iterable[Change]) -> asyncio.Future[Outcome]:
        """Send changes out; the future is done when they are in force. To be called inside the loop.

        They go out at once, but for those of a large set and what follows on it: these leave the loop time for others.
        """
        future: asyncio.Future[Outcome] = self._loop.create_future()
        self._jobs.append(Job(version, deque(parts(changes)), future))
        if len(self._jobs) == 1:
            self._step()
        return future

    def _step(self) -> None:
        """Send the next part."""
        job, everyone = self._jobs[0], self._generations()
        try:
            if job.parts:
                self._send(job, everyone)
        except OSError as error:
            self._write(Level.ALERT, f"a change of records cannot be sent yet: {error}")
            self._loop.call_later(AGAIN, self._step)
            return
        except Exception as error:  # a mistake of ours must not hold up all changes to come
            job.parts.clear()
            job.future.set_exception(error)
        if not job.parts:
            self._jobs.popleft()
            self._await(job, everyone)
        if self._jobs:
            self._loop.call_soon(self._step)

    def _await(self, job: Job, generations: Sequence[Generation]) -> None:
        self.version = job.version
        everyone = [child for generation in generations for child in generation.children.values()]
        serving = [child for child in everyone if child.state is State.READY] if job.seconds else []
        waiting = Waiting(job, self._number, serving)
        if waiting.settle():
            return
        seconds = self._deadline + sum(each.seconds for each in self._waiting) + job.seconds
        waiting.timer = self._loop.call_later(seconds, partial(self._expire, waiting, seconds))
        self._waiting.append(waiting)

    def _plugin_seconds(self, part: tuple[Changed, ...], generations: Sequence[Generation]) -> float:
        """How long plugins may take to be prepared, both of their hooks."""
        if not generations or all(change.kind != "plugins" for change in part):
            return 0.0
        return 2 * generations[0].configuration.stream.plugin_timeout

    def heard(self, child: Child, verb: Verb, text: str) -> None:
        """A worker answers."""
        number, _, reason = text.partition(" ")
        line = self._lines.get(child.pid)
        if line is not None:
            line.answered()
        if verb is Verb.REJECTED:
            self._write(Level.ALERT, f"worker process {child.pid} could not apply a change and is replaced: {reason}")
        mine = [waiting for waiting in self._waiting if child.pid in waiting.awaited]
        of = next((waiting for waiting in mine if int(number) <= waiting.last), None)
        if of is not None and reason:
            of.reasons.append(reason)
        for waiting in mine:
            if verb is Verb.REJECTED or waiting.last <= int(number):
                del waiting.awaited[child.pid]
                (waiting.replaced if verb is Verb.REJECTED else waiting.applied).append(child.pid)
        if verb is Verb.REJECTED:
            child.kill()
        self._settle()

    def gone(self, child: Child) -> None:
        """A worker has ended; whoever takes its place is born with everything."""
        line = self._lines.pop(child.pid, None)
        if line is not None:
            line.cut()
        for waiting in self._waiting:
            waiting.awaited.pop(child.pid, None)
        self._settle()

    def _take(self, part: tuple[Changed, ...], generations: Sequence[Generation]) -> None:
        """Have those who are born from now on know it."""
        for change in part:
            if change.kind in KINDS:
                with suppress(*MALFORMED):  # which every model says of the record
                    self.records.put(change.kind, change.id, change.after)
        self._young += len(part)
        if self._young >= KEPT:
            self._young = 0
            gc.freeze()
        for generation in generations:
            if generation.live is not None:
                generation.live.apply(part)  # what it complains of the workers tell, too
        if any(change.kind in ("upstreams", "targets") for change in part):
            self._changed()

    def live(self, configuration: Configuration) -> Live | None:
        """What a generation begins with; None where there are no records."""
        admin = configuration.main.admin
        if not (self.in_use or admin.listens or admin.declarative):
            return None
        with frozen():
            live = Live(configuration, self.records)
        for complaint in live.complaints:
            self._write(Level.ERROR, complaint)
        return live

    def _send(self, job: Job, generations: Sequence[Generation]) -> None:
        """Let everybody know the next part; raises OSError, and then nobody does."""
        part = job.parts[0]
        children = [child for generation in generations for child in generation.children.values()]
        descriptor = written(part) if children else -1
        job.parts.popleft()
        job.seconds += PER_CHANGE * len(part) + self._plugin_seconds(part, generations)
        self._number += 1
        parcel = Parcel(self._number, descriptor, len(children))
        for child in children:
            line = self._lines.get(child.pid)
            if line is None:
                line = self._lines[child.pid] = Line(child)
            line.send(parcel)
        self._take(part, generations)

    def _expire(self, waiting: Waiting, seconds: float) -> None:
        for child in tuple(waiting.awaited.values()):
            self._write(
                Level.ALERT, f"worker process {child.pid} did not apply a change within {seconds:g} s and is replaced"
            )
            waiting.replaced.append(child.pid)
            child.kill()
        waiting.awaited.clear()
        self._settle()

    def _settle(self) -> None:
        self._waiting = [waiting for waiting in self._waiting if not waiting.settle()]


@contextmanager
def frozen() -> Iterator[None]:
    """Do not look for garbage in what is made meanwhile: of 100,000 records that takes longer than making them."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
