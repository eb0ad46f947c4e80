"""Shared memory of `zone` and `limit_conn_zone`, and the lock that keeps workers from changing it at the same time.

The memory has no name and is made by the master before the fork. A lock is a byte of one memfd, locked with `fcntl`:
POSIX locks belong to a process, and the kernel drops them when it goes, so a worker that is killed in the middle leaves
nothing locked. What it was doing is cut off between two stores of one aligned cell each; those who write here order
their stores so that every such moment is a sound state, or at worst loses one free record.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from struct import calcsize
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from .found_memory import FoundMemory
    from .health_zone import HealthZone
    from .limit_zone import LimitZone
    from .peer_zone import PeerZone
    from .rate_zone import RateZone
    from .series_zone import SeriesZone

Lock = AbstractContextManager[object]
ALIGNMENT: Final = 64
"""Bytes of a line of the processor's cache, so that no array begins in the middle of one."""
PLUGINS: Final = "\0plugins"
"""The name among the limits of the memory in which plugins count; none of a configuration's can be the same."""
UNSHARED: Lock = nullcontext()
"""The lock of memory that one process has for itself."""


class ByteLock:
    """One byte of a file, locked; not to be entered twice, and only one at a time."""

    __slots__ = ("_descriptor", "_number")

    def __init__(self, descriptor: int, number: int) -> None:
        self._descriptor = descriptor
        self._number = number

    def __enter__(self) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, self._number)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, self._number)


class LockFile:
    """A file without a name that gives out locks. Children inherit its descriptor, which they must not close."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("penstock-locks", os.MFD_CLOEXEC)
        self._given = 0

    def lock(self) -> ByteLock:
        """A lock that nobody else has been given."""
        self._given += 1
        return ByteLock(self.descriptor, self._given)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True)
class Zones:
    """The zones that a worker is born with."""

    seat: int = 0
    """The worker's place in the memory of limits: no two live workers of any generation have the same."""
    limits: Mapping[str, LimitZone] = field(default_factory=dict)
    """`limit_conn_zone` by name."""
    peers: Mapping[str, PeerZone] = field(default_factory=dict)
    """`zone` of upstreams by name."""
    found: FoundMemory | None = None
    """What names with `resolve` were found to be."""
    health: HealthZone | None = None
    """The health of peers."""
    rates: RateZone | None = None
    """What plugins ration."""
    series: SeriesZone | None = None
    """The metrics that plugins make up."""
    descriptors: tuple[int, ...] = ()
    """What a child must keep open."""


def carve(*parts: tuple[str, int]) -> list[memoryview[Any]]:
    """Zeroed memory that forked children share, cut into arrays: of each the format of a cell, and how many.

    Pages that nobody touches cost nothing: a memfd is charged by the page, where an anonymous mapping would be charged,
    or refused, as a whole.
    """
    sizes = [-(-calcsize(form) * count // ALIGNMENT) * ALIGNMENT for form, count in parts]
    descriptor = os.memfd_create("penstock-zone", os.MFD_CLOEXEC)
    try:
        os.ftruncate(descriptor, max(sum(sizes), mmap.PAGESIZE))
        memory = memoryview(mmap.mmap(descriptor, 0))
    finally:
        os.close(descriptor)
    arrays: list[memoryview[Any]] = []
    at = 0
    for (form, count), size in zip(parts, sizes, strict=True):
        arrays.append(cast(Any, memory[at : at + calcsize(form) * count]).cast(form))
        at += size
    return arrays
