"""How a story waits."""

from __future__ import annotations

import pytest

from penstock.worker.waiting import TIMEOUT, WOKEN, event


async def two_waits(heard: list[int]) -> str:
    heard.append(await event())
    heard.append(await event())
    return "over"


def test_a_story_stops_at_each_wait_and_hears_what_happened() -> None:
    heard: list[int] = []
    advance = two_waits(heard).send
    assert advance(None) is None
    assert advance(5) is None
    with pytest.raises(StopIteration) as ended:
        advance(TIMEOUT)
    assert heard == [5, TIMEOUT]
    assert ended.value.value == "over"


def test_no_event_mask_is_mistaken_for_another_word() -> None:
    assert TIMEOUT < 0 == WOKEN


def test_a_story_that_is_let_go_in_a_wait_cleans_up() -> None:
    cleaned: list[str] = []

    async def story() -> None:
        try:
            await event()
        finally:
            cleaned.append("yes")

    running = story()
    running.send(None)
    del running
    assert cleaned == ["yes"]
