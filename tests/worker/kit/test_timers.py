"""Timers of plugins."""

from __future__ import annotations

import asyncio

from penstock.worker.kit.timers import Timers


def test_calls_come_again_though_they_fail_and_end_when_cancelled() -> None:
    async def run() -> tuple[int, list[BaseException]]:
        failures: list[BaseException] = []
        calls = 0
        enough = asyncio.Event()

        def call() -> None:
            nonlocal calls
            calls += 1
            if calls == 3:
                timers.cancel()
                enough.set()
            raise ValueError(calls)

        timers = Timers(asyncio.get_running_loop(), failures.append)
        timers.every(0.001, call)
        timers.every(3600, call)
        async with asyncio.timeout(10):
            await enough.wait()
        await asyncio.sleep(0.01)
        return calls, failures

    calls, failures = asyncio.run(run())
    assert calls == 3
    assert [str(each) for each in failures] == ["1", "2", "3"]
