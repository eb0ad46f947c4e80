"""The memory of rates: how often something may happen per key, in all workers together.

Each key has the time at which its budget would be whole again (GCRA, ITU-T I.371: the same as a leaky bucket, in one
number). A key is known by 128 bits of a keyed hash and lives in one of the places that its hash allows; where all of
them are taken, the key that has waited longest for nothing goes, which is one that has its whole budget back unless
the memory is far too small: then that key may be granted more than its rate, and `evicted` counts it.

Or a key has a number of times in each window of the clock (`spend`): a place holds the window with the count, and its
time is the window's end.

A place is written so that a process may die between any two stores: it is nobody's before it is changed.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import Final

from .zones import Lock, carve

WAYS: Final = 8
"""Places that a key may have."""
SPARE: Final = 4
"""Places for each key that there is to be room for."""
DIGEST: Final = 16
WINDOW_SHIFT: Final = 32
"""A cell of counts is the number of a window, and in its lower half how many times it was spent."""
EVICTED: Final = 0
"""The header's cell: keys that went before their budget was whole."""


class RateZone:
    """See the module. `now` is any clock that all processes share and that does not go back."""

    __slots__ = ("_counts", "_hashes", "_header", "_lock", "_mask", "_salt", "_times")

    def __init__(self, keys: int, lock: Lock) -> None:
        """Room for so many keys, as good as always: a quarter of the places is in use then."""
        rows = 1 << max(-(-keys * SPARE // WAYS) - 1, 1).bit_length()
        self._mask = rows - 1
        self._lock = lock
        self._salt = os.urandom(16)
        places = rows * WAYS
        self._header, self._hashes, self._times, self._counts = carve(
            ("Q", 1), ("Q", places * 2), ("d", places), ("Q", places)
        )

    @property
    def evicted(self) -> int:
        """Keys that went before their budget was whole again."""
        return int(self._header[EVICTED])

    def take(self, key: bytes, rate: float, burst: int, now: float) -> float:
        """One more of a key that may have `rate` in a second and `burst` at once.

        0 when it is granted, else the seconds until it would be; what is not granted costs the key nothing.
        """
        one, two = self._digest(key)
        interval = 1.0 / rate
        with self._lock:
            place = self._find(one, two, now)
            whole: float = max(self._times[place], now) + interval
            over = whole - now - burst * interval
            if over > 1e-9:
                return over
            self._times[place] = whole
        return 0.0

    def spend(self, key: bytes, times: int, window: int, now: float, until: float) -> float:
        """One more of a key that has so many in the window of this number, which ends at `until`: as `take` says it."""
        one, two = self._digest(key)
        with self._lock:
            place = self._find(one, two, now)
            cell: int = self._counts[place]
            spent = cell & ((1 << WINDOW_SHIFT) - 1) if cell >> WINDOW_SHIFT == window else 0
            if spent >= times:
                return max(until - now, 1e-9)
            self._times[place] = until
            self._counts[place] = window << WINDOW_SHIFT | spent + 1
        return 0.0

    # Under the lock.

    def _digest(self, key: bytes) -> tuple[int, int]:
        digest = blake2b(key, digest_size=DIGEST, key=self._salt).digest()
        return int.from_bytes(digest[:8], "little") or 1, int.from_bytes(digest[8:], "little")

    def _find(self, one: int, two: int, now: float) -> int:
        """The key's place; another's is taken for it where it has none."""
        first = (two & self._mask) * WAYS
        hashes, times = self._hashes, self._times
        oldest = first
        for place in range(first, first + WAYS):
            if hashes[place * 2] == one and hashes[place * 2 + 1] == two:
                return place
            if times[place] < times[oldest]:
                oldest = place
        if times[oldest] > now:
            self._header[EVICTED] += 1
        hashes[oldest * 2] = 0
        times[oldest] = 0.0
        self._counts[oldest] = 0
        hashes[oldest * 2 + 1] = two
        hashes[oldest * 2] = one
        return oldest
