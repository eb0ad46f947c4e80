"""A test process with few descriptors left, or with many taken."""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

RUNNING: Final = 2
"""Descriptors that a loop itself needs while it turns."""


@contextmanager
def descriptors_up_to(count: int) -> Iterator[None]:
    """Let this process open no descriptor beyond the `count` lowest that are free."""
    gc.collect()  # what earlier tests have left must not give descriptors back meanwhile
    spare = [os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(count + 1)]
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(spare), limits[1]))
        for fd in spare:
            os.close(fd)
        spare.clear()
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in spare:
            os.close(fd)


@contextmanager
def numbers_below_taken(number: int) -> Iterator[None]:
    """Occupy every free descriptor below a number, as a busy worker does."""
    taken: list[int] = []
    try:
        while not taken or taken[-1] < number - 1:
            taken.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        yield
    finally:
        for fd in taken:
            os.close(fd)
