"""Long work between the turns of others."""

from __future__ import annotations

import asyncio
import time

import pytest

from penstock.master.in_turns import TURN, in_turns
from penstock.shared.pieces import Pieces


def spending(seconds: float) -> Pieces[str]:
    """So much processor time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
    return "done"


def failing() -> Pieces[None]:
    yield
    raise ValueError("no")


def test_others_have_their_turns_meanwhile() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def both() -> str:
        task = asyncio.get_running_loop().create_task(other(), name="other")
        done = await in_turns(spending(10 * TURN))
        task.cancel()
        return done

    assert asyncio.run(both()) == "done"
    assert turns >= 5


def test_what_goes_wrong_is_told() -> None:
    with pytest.raises(ValueError, match="no"):
        asyncio.run(in_turns(failing()))
