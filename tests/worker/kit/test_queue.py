"""The queue of log plugins: bounded, in batches, tried again, delivered at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from plugin_host import Lent

from penstock.worker.kit.queue import Queue, QueueConfig

Deliver = Callable[[list[int]], Awaitable[None] | None]


class Sink:
    """Takes batches, or refuses them."""

    def __init__(self, failures: int = 0) -> None:
        self.lent = Lent()
        self.batches: list[list[int]] = []
        self.failures = failures

    def deliver(self, batch: list[int]) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("nobody there")
        self.batches.append(list(batch))

    async def hang(self, _batch: list[int]) -> None:
        await asyncio.sleep(3600)

    def queue(self, deliver: Deliver | None = None, **config: float) -> Queue[int]:
        return Queue(self.lent.host, QueueConfig(**config), deliver or self.deliver)  # type: ignore[arg-type]  # numbers

    async def end(self) -> None:
        for task in self.lent.tasks:
            task.cancel()
        await asyncio.gather(*self.lent.tasks, return_exceptions=True)


async def settled(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_what_is_put_in_is_delivered_in_order() -> None:
    async def run() -> None:
        sink = Sink()
        queue = sink.queue()
        for number in range(3):
            queue.put(number)
        await settled(lambda: sink.lent.counted["delivered"] == 3)
        assert sink.batches == [[0], [1], [2]]
        await sink.end()

    asyncio.run(run())


def test_a_batch_is_filled_or_waits_for_its_delay() -> None:
    async def run() -> None:
        sink = Sink()
        queue = sink.queue(max_batch_size=3, max_coalescing_delay=0.02)
        for number in range(4):
            queue.put(number)
        await settled(lambda: len(sink.batches) == 2)
        assert sink.batches == [[0, 1, 2], [3]]
        await sink.end()

    asyncio.run(run())


def test_a_full_queue_drops_the_oldest_and_counts_it() -> None:
    async def run() -> None:
        sink = Sink()
        queue = sink.queue(max_entries=2, max_coalescing_delay=30, max_batch_size=10)
        for number in range(5):
            queue.put(number)
        await queue.close()
        assert sink.batches == [[3, 4]]
        assert sink.lent.counted == {"queued": 5, "dropped": 3, "delivered": 2}
        text = 'plugin "tried": records dropped: 1, because the queue is full with 2 records'
        assert sink.lent.lines == [("error", text)]
        await sink.end()

    asyncio.run(run())


def test_bytes_are_bounded_too() -> None:
    async def run() -> None:
        sink = Sink()
        queue = sink.queue(max_bytes=10, max_coalescing_delay=30, max_batch_size=10)
        queue.put(1, size=6)
        queue.put(2, size=6)
        queue.put(3, size=11)
        await queue.close()
        assert sink.batches == [[2]]
        assert sink.lent.counted["dropped"] == 2
        await sink.end()

    asyncio.run(run())


def test_a_delivery_that_fails_is_tried_again() -> None:
    async def run() -> None:
        sink = Sink(failures=2)
        queue = sink.queue(initial_retry_delay=0.001)
        queue.put(1)
        await settled(lambda: sink.batches)
        assert sink.batches == [[1]]
        assert sink.lent.counted == {"queued": 1, "retried": 2, "delivered": 1}
        assert [level for level, _ in sink.lent.lines] == ["warn"]
        await sink.end()

    asyncio.run(run())


def test_what_cannot_be_delivered_in_time_is_dropped_and_the_next_is_tried() -> None:
    async def run() -> None:
        sink = Sink(failures=1)
        queue = sink.queue(initial_retry_delay=0.5, max_retry_time=0.1)
        queue.put(1)
        queue.put(2)
        await settled(lambda: sink.batches)
        assert sink.batches == [[2]]
        assert sink.lent.counted["dropped"] == 1
        assert "could not be delivered within 0.1 s: OSError: nobody there" in sink.lent.lines[0][1]
        await sink.end()

    asyncio.run(run())


def test_closing_delivers_what_is_left() -> None:
    async def run() -> None:
        sink = Sink()
        queue = sink.queue(max_batch_size=100, max_coalescing_delay=60)
        for number in range(250):
            queue.put(number)
        await queue.close()
        assert [each for batch in sink.batches for each in batch] == list(range(250))
        assert [len(batch) for batch in sink.batches] == [100, 100, 50]

    asyncio.run(run())


def test_closing_takes_no_longer_than_it_may() -> None:
    async def run() -> None:
        sink = Sink()
        queue = sink.queue(sink.hang)
        for number in range(3):
            queue.put(number)
        await queue.close(within=0.02)
        assert sink.lent.counted["dropped"] == 2
        await sink.end()
        assert sink.lent.counted["dropped"] == 3

    asyncio.run(run())


def test_a_mistake_in_the_delivery_costs_one_batch() -> None:
    async def run() -> None:
        sink = Sink()

        def broken(batch: list[int]) -> None:
            if batch == [1]:
                raise KeyError("a mistake")
            sink.deliver(batch)

        queue = sink.queue(broken)
        queue.put(1)
        queue.put(2)
        await settled(lambda: sink.batches)
        assert sink.lent.counted["dropped"] == 1
        assert "delivering them failed: KeyError: 'a mistake'" in sink.lent.lines[0][1]
        await sink.end()

    asyncio.run(run())


def test_closing_that_is_cut_off_counts_what_is_lost() -> None:
    async def run() -> None:
        sink = Sink()
        queue = sink.queue(sink.hang)
        for number in range(3):
            queue.put(number)
        await settled(lambda: len(queue) == 2)
        try:
            async with asyncio.timeout(0.01):
                await queue.close(within=60)
        except TimeoutError:
            pass
        assert sink.lent.counted["dropped"] == 2
        assert sink.lent.lines[-1] == ("error", 'plugin "tried": records dropped: 2, because the worker ends')
        await sink.end()

    asyncio.run(run())
