"""A bounded queue between a log plugin's hook and wherever its records go.

Putting something in never waits: when the queue is full, the oldest goes and is counted. What is taken out goes in
batches; a delivery that fails is tried again, more and more slowly, until `max_retry_time` is over. At a graceful stop
what is left is delivered as far as the time allows.

Each record is counted as `queued`, and then once as `delivered` or as `dropped`; `retried` counts attempts.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ...shared.plugin import Seconds, Size, Worker, setting

Entry = TypeVar("Entry")
COMPLAINT_INTERVAL: Final = 60.0
"""Seconds between two lines about the same trouble."""


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """Kong's queue parameters, with its defaults."""

    max_batch_size: int = setting(1, between=(1, 1_000_000), doc="Records in one delivery at most.")
    max_coalescing_delay: Seconds = setting(1.0, between=(0, 3600), doc="How long a batch waits to be filled.")
    max_entries: int = setting(10_000, between=(1, 1_000_000), doc="Records kept; the oldest go first.")
    max_bytes: Size | None = setting(None, doc="Bytes kept.")
    initial_retry_delay: Seconds = setting(0.01, between=(0.001, 1_000_000), doc="Until the first retry; it doubles.")
    max_retry_delay: Seconds = setting(60.0, between=(0.001, 1_000_000), doc="The longest time between two retries.")
    max_retry_time: Seconds = setting(60.0, doc="How long a batch is tried again; 0 is until it is delivered.")
    concurrency_limit: int = setting(1, one_of=(1,), doc="Deliveries at the same time; Kong's -1 is not there.")


class Queue(Generic[Entry]):
    """Of one plugin instance; to be made in `init_worker` and closed in `close`."""

    def __init__(
        self,
        worker: Worker,
        config: QueueConfig,
        deliver: Callable[[list[Entry]], Awaitable[None] | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`deliver` takes a batch; it raises OSError, ValueError or TimeoutError for one that it could not deliver."""
        self._worker = worker
        self._config = config
        self._deliver = deliver
        self._clock = clock
        self._entries: deque[tuple[Entry, int]] = deque()
        self._bytes = 0
        self._waiting = asyncio.Event()
        self._full = asyncio.Event()
        """There is a whole batch, or nothing is to be waited for any more."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._complained: dict[str, float] = {}
        worker.spawn(self._run(), "queue")

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, entry: Entry, size: int = 0) -> None:
        """Add something; `size` counts towards `max_bytes`."""
        config, entries = self._config, self._entries
        self._worker.count_records("queued", 1)
        if config.max_bytes is not None and size > config.max_bytes:
            self._drop(1, "a record is larger than the queue's max_bytes")
            return
        entries.append((entry, size))
        self._bytes += size
        dropped = 0
        while len(entries) > config.max_entries or (config.max_bytes is not None and self._bytes > config.max_bytes):
            self._bytes -= entries.popleft()[1]
            dropped += 1
        if dropped:
            self._drop(dropped, f"the queue is full with {len(entries)} records")
        self._idle.clear()
        self._waiting.set()
        if len(entries) >= config.max_batch_size:
            self._full.set()

    async def close(self, within: float = 5.0) -> None:
        """Deliver what is left, within some seconds; what could not be delivered is dropped, counted and told."""
        self._closing = True
        self._full.set()
        self._waiting.set()
        try:
            async with asyncio.timeout(within):
                await self._idle.wait()
        except TimeoutError:
            pass
        finally:  # a worker in a hurry has less time
            if left := len(self._entries):
                self._entries.clear()
                self._drop(left, "the worker ends")

    async def _run(self) -> None:
        while True:
            await self._waiting.wait()
            if not self._entries:
                self._waiting.clear()
                self._idle.set()
                if self._closing:
                    return
                continue
            await self._fill()
            batch = self._take()
            try:
                delivered = await self._try(batch)
            except asyncio.CancelledError:
                self._drop(len(batch), "the worker ends")
                raise
            if delivered:
                self._worker.count_records("delivered", len(batch))

    async def _fill(self) -> None:
        """Wait until there is a whole batch, or long enough."""
        if len(self._entries) < self._config.max_batch_size and not self._closing:
            self._full.clear()
            if not self._config.max_coalescing_delay:
                await asyncio.sleep(0)  # what comes in this turn goes together, and no timer is made for it
                return
            try:
                async with asyncio.timeout(self._config.max_coalescing_delay):
                    await self._full.wait()
            except TimeoutError:
                pass

    def _take(self) -> list[Entry]:
        batch: list[Entry] = []
        while self._entries and len(batch) < self._config.max_batch_size:
            entry, size = self._entries.popleft()
            self._bytes -= size
            batch.append(entry)
        return batch

    async def _try(self, batch: list[Entry]) -> bool:
        """Deliver a batch, again and again within its time; whether it went."""
        config = self._config
        begun = self._clock()
        delay = config.initial_retry_delay
        while True:
            try:
                work = self._deliver(batch)
                if work is not None:
                    await work
                return True
            except (OSError, ValueError) as error:  # TimeoutError is an OSError
                text = f"{type(error).__name__}: {error}"
            except Exception as error:  # a mistake in the plugin: the next batch may fare better
                self._drop(len(batch), f"delivering them failed: {type(error).__name__}: {error}")
                return False
            if config.max_retry_time and self._clock() - begun + delay > config.max_retry_time:
                self._drop(len(batch), f"they could not be delivered within {config.max_retry_time:g} s: {text}")
                return False
            self._complain("delivery", f"a delivery failed, it is tried again: {text}")
            self._worker.count_records("retried", 1)
            await asyncio.sleep(delay)
            delay = min(delay * 2, config.max_retry_delay)

    def _drop(self, records: int, why: str) -> None:
        self._worker.count_records("dropped", records)
        self._complain("drop", f"records dropped: {records}, because {why}")

    def _complain(self, kind: str, text: str) -> None:
        now = self._clock()
        if now - self._complained.get(kind, -COMPLAINT_INTERVAL) >= COMPLAINT_INTERVAL:
            self._complained[kind] = now
            self._worker.log("error" if kind == "drop" else "warn", text)
