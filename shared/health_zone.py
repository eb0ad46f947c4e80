"""What the master and all workers of all generations know of the peers' health.

Active checks are the master's, passive ones the workers'; a state that either finds out is everybody's at once. A peer
has a record: its state, the failures in a row that sessions had with it, and the text of what it is, so that the master
also learns of addresses that only workers know, those of names that are resolved while running.

Each process finds records by a dictionary of its own, which it completes by reading the records that others added.

A record whose peer nobody has any more is released. It stays that peer's for the case that it comes back; only when all
room is taken is it given to another one, and then every process reads the records anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .zones import Lock, carve

RECORDS: Final = 16_384
TEXT: Final = 232
"""Bytes of an upstream's name and an address, with a zero between them."""
NUMBERS: Final = 7
STATE, FAILURES, TIMEOUTS, RESETS, LENGTH, RELEASED, SEEN = range(NUMBERS)
HEALTHY: Final = 0
ILL: Final = 1
NONE: Final = -1
COUNT, VERSION, REUSES = range(3)


class HealthZone:
    """See the module."""

    __slots__ = ("_head", "_known", "_lock", "_numbers", "_read", "_reuses", "_texts")

    def __init__(self, lock: Lock, records: int = RECORDS) -> None:
        self._lock = lock
        self._head, self._numbers, self._texts = carve(("I", 3), ("I", records * NUMBERS), ("B", records * TEXT))
        self._known: dict[tuple[str, str], int] = {}
        self._read = self._reuses = 0

    @property
    def version(self) -> int:
        """Grows with every change of a state."""
        version: int = self._head[VERSION]
        return version

    def record(self, upstream: str, address: str) -> int:
        """The record of a peer, made if there is none; NONE without room for it."""
        found = self._find((upstream, address))
        if found is not None:
            return self._taken(found)
        text = f"{upstream}\0{address}".encode("utf-8", "surrogateescape")
        if len(text) > TEXT:
            return NONE
        with self._lock:
            found = self._find((upstream, address))
            if found is not None:
                return self._taken(found)
            number: int = self._head[COUNT]
            if (number + 1) * NUMBERS > len(self._numbers):
                number = self._reused()
                if number == NONE:
                    return NONE
            self._texts[number * TEXT : number * TEXT + len(text)] = text
            for place in range(NUMBERS):
                self._numbers[number * NUMBERS + place] = len(text) if place == LENGTH else 0
            if number == self._head[COUNT]:
                self._head[COUNT] = number + 1
            else:
                self._head[REUSES] = (self._head[REUSES] + 1) & 0xFFFFFFFF
            self._known[upstream, address] = number
        return number

    def release(self, record: int) -> None:
        """Nobody has the peer any more."""
        self._numbers[record * NUMBERS + RELEASED] = 1

    def see(self, record: int, now: int) -> None:
        """A worker has the peer."""
        self._numbers[record * NUMBERS + SEEN] = now

    def seen(self, record: int) -> int:
        """When a worker last said that it has the peer; 0 when none ever did."""
        found: int = self._numbers[record * NUMBERS + SEEN]
        return found

    def peers(self) -> Iterator[tuple[str, str, int]]:
        """Every upstream, address and record that was not released, the oldest first."""
        self._complete()
        for (upstream, address), record in self._known.items():
            if not self._numbers[record * NUMBERS + RELEASED]:
                yield upstream, address, record

    def ill(self, record: int) -> bool:
        """Whether a peer is out of service."""
        return bool(self._numbers[record * NUMBERS + STATE])

    def set(self, record: int, ill: bool) -> bool:
        """Let a peer be unhealthy or healthy; whether that is news. Counts of failures begin anew."""
        with self._lock:
            at = record * NUMBERS
            news = bool(self._numbers[at + STATE]) is not ill
            self._numbers[at + FAILURES] = self._numbers[at + TIMEOUTS] = self._numbers[at + RESETS] = 0
            if news:
                self._numbers[at + STATE] = ILL if ill else HEALTHY
                self._head[VERSION] = (self._head[VERSION] + 1) & 0xFFFFFFFF
        return news

    def failed(self, record: int, place: int, limit: int) -> bool:
        """Count a failure (FAILURES, TIMEOUTS or RESETS); True when it is the one that puts the peer out of service."""
        with self._lock:
            at = record * NUMBERS
            count = self._numbers[at + place] + 1
            self._numbers[at + place] = min(count, 0xFFFFFFFF)
            if count < limit or self._numbers[at + STATE]:
                return False
            self._numbers[at + STATE] = ILL
            self._head[VERSION] = (self._head[VERSION] + 1) & 0xFFFFFFFF
            return True

    def succeeded(self, record: int) -> None:
        """A session reached the peer: failures in a row begin anew. Costs two reads where there were none."""
        at = record * NUMBERS
        if self._numbers[at + FAILURES] or self._numbers[at + TIMEOUTS]:
            self._numbers[at + FAILURES] = self._numbers[at + TIMEOUTS] = 0

    def lasted(self, record: int) -> None:
        """A session that reached the peer was not broken off at once."""
        at = record * NUMBERS
        if self._numbers[at + RESETS]:
            self._numbers[at + RESETS] = 0

    def _taken(self, number: int) -> int:
        """A record that is its peer's, perhaps again."""
        self._numbers[number * NUMBERS + RELEASED] = 0
        return number

    def _reused(self) -> int:
        """A record that was released; NONE when none is."""
        released = self._numbers[RELEASED::NUMBERS].tolist()
        return released.index(1) if 1 in released else NONE

    def _find(self, key: tuple[str, str]) -> int | None:
        if self._reuses != self._head[REUSES]:
            self._complete()
        found = self._known.get(key)
        if found is None and self._read < self._head[COUNT]:
            self._complete()
            found = self._known.get(key)
        return found

    def _complete(self) -> None:
        if self._reuses != self._head[REUSES]:
            self._reuses = self._head[REUSES]
            self._known.clear()
            self._read = 0
        count = self._head[COUNT]
        for number in range(self._read, count):
            length = self._numbers[number * NUMBERS + LENGTH]
            data = bytes(self._texts[number * TEXT : number * TEXT + length])
            upstream, _, address = data.decode("utf-8", "surrogateescape").partition("\0")
            self._known[upstream, address] = number
        self._read = count
