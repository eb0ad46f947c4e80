"""The memory of a `limit_conn_zone`: how many sessions every key has open, in all workers together.

A key is known by 128 bits of a keyed hash, so every key costs the same and two never meet. A record has a counter for
each seat, which is the place of one live worker, and a key's count is the sum of its record. Only the owner of a seat
writes its counters, hence

- the count is exact: looking and counting happen under the zone's lock, and only those;
- leaving needs no lock while the worker has more sessions of that key; the last one gives the record back;
- a worker that is killed takes nothing with it: the master sets its counters to nothing (`forget`) before the seat is
  given to another.

Records hang in chains from a table of heads. What is changed under the lock is changed so that a process may die
between any two stores: a new record is written whole and linked by one store, an old one is unlinked by one store and
only then put among the free ones. Death in between loses that one record to the zone, and nothing else.

SIZE holds as many keys as nginx's would, one for each 64 bytes, though a record takes more than that here.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import Final

from .zones import Lock, carve

RECORD_SIZE: Final = 64
"""nginx's size of a record with a short key."""
REFUSED: Final = -1
"""The key has as many sessions as it may."""
FULL: Final = -2
"""There is no room for another key."""

FREE: Final = 0
"""Cells of the header: the first free record,"""
BEGUN: Final = 1
"""the number of records that were ever used,"""
USED: Final = 2
"""and the number of seats that were ever taken."""
HEADER: Final = 3
DIGEST: Final = 16


class LimitZone:
    """See the module. A record is known by a number from 1; 0 is none."""

    __slots__ = ("_counts", "_hashes", "_header", "_heads", "_links", "_lock", "_mask", "_salt", "_seats", "capacity")

    def __init__(self, size: int, lock: Lock, seats: int) -> None:
        self._seats = seats
        self.capacity = capacity = max(size // RECORD_SIZE, 1)
        self._lock = lock
        self._salt = os.urandom(16)
        heads = 1 << (capacity - 1).bit_length()
        self._mask = heads - 1
        records = capacity + 1
        self._header, self._heads, self._links, self._hashes, self._counts = carve(
            ("I", HEADER), ("I", heads), ("I", records), ("Q", records * 2), ("H", records * seats)
        )

    def enter(self, key: bytes, limit: int, seat: int) -> int:
        """One session more of a key that may have `limit`: its record, to be given to `leave`; REFUSED or FULL."""
        one, two = self._digest(key)
        with self._lock:
            record = self._find(one, two)
            if record:
                if self._total(record) >= limit:
                    return REFUSED
            else:
                record = self._take(one, two)
                if not record:
                    return FULL
            if seat >= self._header[USED]:
                self._header[USED] = seat + 1
            self._counts[record * self._seats + seat] += 1
        return record

    def leave(self, record: int, seat: int) -> None:
        """One session less."""
        cell = record * self._seats + seat
        left = self._counts[cell] - 1
        self._counts[cell] = left
        if not left:
            with self._lock:
                self._give_back(record)

    def forget(self, seat: int) -> None:
        """Nobody sits here any more: release what its worker held."""
        with self._lock:
            column = self._counts[seat : (self._header[BEGUN] + 1) * self._seats : self._seats].tolist()
            for record, count in enumerate(column):
                if count:
                    self._counts[record * self._seats + seat] = 0
                    self._give_back(record)

    def count(self, key: bytes) -> int:
        """The sessions of a key."""
        with self._lock:
            record = self._find(*self._digest(key))
            return self._total(record) if record else 0

    # Under the lock.

    def _digest(self, key: bytes) -> tuple[int, int]:
        digest = blake2b(key, digest_size=DIGEST, key=self._salt).digest()
        return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")

    def _total(self, record: int) -> int:
        first = record * self._seats
        return sum(self._counts[first : first + self._header[USED]])

    def _find(self, one: int, two: int) -> int:
        record: int = self._heads[one & self._mask]
        while record and (self._hashes[record * 2] != one or self._hashes[record * 2 + 1] != two):
            record = self._links[record]
        return record

    def _take(self, one: int, two: int) -> int:
        header, links = self._header, self._links
        record: int = header[FREE]
        if record:
            header[FREE] = links[record]
        elif header[BEGUN] < self.capacity:
            record = header[BEGUN] + 1
            header[BEGUN] = record
        else:
            return 0
        self._hashes[record * 2] = one
        self._hashes[record * 2 + 1] = two
        head = one & self._mask
        links[record] = self._heads[head]
        self._heads[head] = record
        return record

    def _give_back(self, record: int) -> None:
        """Free a record that nobody counts in. It may be free already: the last two may have left at the same time."""
        if self._total(record):
            return
        heads, links = self._heads, self._links
        head = self._hashes[record * 2] & self._mask
        before, at = 0, heads[head]
        while at and at != record:
            before, at = at, links[at]
        if not at:
            return
        if before:
            links[before] = links[record]
        else:
            heads[head] = links[record]
        links[record] = self._header[FREE]
        self._header[FREE] = record
