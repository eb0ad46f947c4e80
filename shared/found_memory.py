"""What the names of `server … resolve` were found to be, kept by the master over reloads and dead workers.

A worker that is born finds here what others found before it, so that an upstream has its peers from the first session
on, and also while the name servers are down. An answer is a text of limited length in a cell of its own; an answer that
a killed worker left half written does not fit its checksum and is no answer.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final
from zlib import crc32

from .zones import Lock, carve

CELLS: Final = 1024
"""Names that are kept; pages that are not used cost nothing."""
CELL_SIZE: Final = 4096
"""Bytes of an answer with its head; about 60 peers."""
HEAD: Final = 16 + 4 + 4
"""The name's hash, the text's length, its checksum."""


class FoundMemory:
    """Texts by name."""

    __slots__ = ("_bytes", "_cells", "_lock")

    def __init__(self, lock: Lock, cells: int = CELLS) -> None:
        self._lock = lock
        self._cells = cells
        (self._bytes,) = carve(("B", cells * CELL_SIZE))

    def keep(self, name: str, text: str) -> bool:
        """Remember a text; whether there was room for it."""
        data = text.encode("utf-8", "surrogateescape")
        if len(data) > CELL_SIZE - HEAD:
            return False
        key = digest(name)
        with self._lock:
            at = self._place(key)
            if at is None:
                return False
            self._bytes[at + HEAD : at + HEAD + len(data)] = data
            self._bytes[at + 16 : at + HEAD] = len(data).to_bytes(4, "little") + crc32(data).to_bytes(4, "little")
            self._bytes[at : at + 16] = key
        return True

    def recall(self, name: str) -> str | None:
        """The text of a name, if there is one."""
        key = digest(name)
        with self._lock:
            at = self._place(key)
            if at is None or bytes(self._bytes[at : at + 16]) != key:
                return None
            length = int.from_bytes(self._bytes[at + 16 : at + 20], "little")
            checksum = int.from_bytes(self._bytes[at + 20 : at + HEAD], "little")
            data = bytes(self._bytes[at + HEAD : at + HEAD + min(length, CELL_SIZE - HEAD)])
        return data.decode("utf-8", "surrogateescape") if crc32(data) == checksum else None

    def _place(self, key: bytes) -> int | None:
        """Where a name's cell is, or may be; None when all are taken."""
        first = int.from_bytes(key[:4], "little")
        for step in range(self._cells):
            at = (first + step) % self._cells * CELL_SIZE
            found = bytes(self._bytes[at : at + 16])
            if found == key or not any(found):
                return at
        return None


def digest(name: str) -> bytes:
    """What stands for a name."""
    return blake2b(name.encode("utf-8", "surrogateescape"), digest_size=16).digest()
