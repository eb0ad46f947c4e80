"""Waiting for conditions, never for time: every wait has a deadline, and one variable stretches them all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

UNIT: Final = float(os.environ.get("PENSTOCK_TEST_TIME_UNIT", "1"))
"""Factor on every deadline; set it above 1 on a slow machine."""


def seconds(count: float) -> float:
    """So many seconds on a machine of ordinary speed."""
    return count * UNIT


def wait_for(condition: Callable[[], T], what: str, within: float = 10) -> T:
    """What `condition` gives once it is true; fails with `what` after `within` seconds."""
    deadline = time.monotonic() + seconds(within)
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"still not after {seconds(within):g} s: {what}")
        time.sleep(0.01)
