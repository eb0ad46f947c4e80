"""The memory of an upstream's `zone`: what all workers of a generation know together of its peers.

A peer has a record: eight numbers (failures, times, weights), which are changed under the zone's lock, and a counter
of open sessions for each worker. Only a worker itself writes its counters; when it dies, the master sets them to
nothing, so the sessions that died with it are no longer counted. The numbers that a killed worker leaves are sound at
every moment: each is one store.

Records are found by a hash of what the peer is, since the addresses of a name are found by every worker for itself.
A record that no worker uses any more is given to another peer when there is no other left.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from .zones import Lock, carve

RECORD_SIZE: Final = 512
"""Bytes of SIZE that count for a peer; nginx needs about as much."""
SPARE: Final = 64
"""Records beside those that the configuration needs, whatever SIZE is."""
NUMBERS: Final = 8
FAILS, ACCESSED, CHECKED, EFFECTIVE, CURRENT, SLOW_FROM, TIME, KNOWN = range(NUMBERS)
"""Places of the numbers; KNOWN is 1 once the others have been set."""
NONE: Final = -1


class PeerZone:
    """See the module."""

    __slots__ = ("_count", "_hashes", "_users", "capacity", "conns", "lock", "numbers", "slots")

    def __init__(self, size: int, peers: int, slots: int, lock: Lock) -> None:
        """Room for `peers` at least; `slots` workers share it."""
        self.capacity = capacity = max(size // RECORD_SIZE, peers + SPARE)
        self.slots = slots
        self.lock = lock
        self._count, self._hashes, self.numbers, self.conns, self._users = carve(
            ("Q", 1), ("Q", capacity * 2), ("d", capacity * NUMBERS), ("I", capacity * slots), ("B", capacity * slots)
        )

    def record(self, identity: str, slot: int) -> int:
        """The record of a peer, which the worker of `slot` uses from now on; NONE when there is no room.

        To be called under the lock.
        """
        digest = blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=16).digest()
        one, two = (int.from_bytes(half, "little") for half in (digest[:8], digest[8:]))
        hashes = self._hashes
        count = self._count[0]
        unused = NONE
        for record in range(count):
            if hashes[record * 2] == one and hashes[record * 2 + 1] == two:
                self._users[record * self.slots + slot] = 1
                return record
            if unused == NONE and not any(self._users[record * self.slots : (record + 1) * self.slots]):
                unused = record
        if count < self.capacity:
            unused = count
            self._count[0] = count + 1
        elif unused == NONE:
            return NONE
        self.numbers[unused * NUMBERS + KNOWN] = 0
        hashes[unused * 2], hashes[unused * 2 + 1] = one, two
        self._users[unused * self.slots + slot] = 1
        return unused

    def release(self, record: int, slot: int) -> None:
        """The worker does not use the record any more."""
        self._users[record * self.slots + slot] = 0

    def total(self, record: int) -> int:
        """The peer's open sessions."""
        first = record * self.slots
        return sum(self.conns[first : first + self.slots])

    def forget(self, slot: int) -> None:
        """The worker of a slot is gone, and what it held with it. Nobody else writes these cells: no lock is needed."""
        for record in range(self._count[0]):
            cell = record * self.slots + slot
            self.conns[cell] = 0
            self._users[cell] = 0
