"""`split_clients`: a variable that gives each text its share of the hash's range.

A text's share must be the one that nginx gives it (https://nginx.org/en/docs/stream/ngx_stream_split_clients_module.html),
so that whoever moves over sends nobody elsewhere: MurmurHash2 (https://github.com/aappleby/smhasher), 32 bits, seed 0.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from .errorlog import octets
from .mapping import reader
from .template import Template
from .view import SessionView

WHOLE: Final = 10_000
"""Hundredths of a percent in everything."""
RANGE: Final = 0xFFFFFFFF
MIX: Final = 0x5BD1E995


class Shares:
    """A compiled `split_clients`; `getter` is what its variable reads."""

    __slots__ = ("_ends", "_source", "_values", "name")

    def __init__(self, source: Template, name: str, parts: list[tuple[int | None, str]]) -> None:
        """The parts are hundredths of a percent, None for all that is left, with their values."""
        self.name = name
        self._source = reader(source)
        self._ends: list[int] = []
        self._values: list[str] = []
        end = 0
        for percent, value in parts:
            end = RANGE + 1 if percent is None else end + percent * RANGE // WHOLE
            self._ends.append(end)
            self._values.append(value)
        self._values.append("")

    def getter(self, session: SessionView) -> str:
        """The value for a session, found once and kept."""
        known = session.values.get(self.name)
        if known is None:
            known = session.values[self.name] = self.find(octets(self._source(session) or ""))
        return known

    def find(self, text: bytes) -> str:
        """The value of a text; empty where the shares do not reach."""
        return self._values[bisect_right(self._ends, murmur(text))]


def murmur(data: bytes) -> int:
    """MurmurHash2 of 32 bits, with seed 0."""
    size = len(data)
    result = size
    whole = size & ~3
    for offset in range(0, whole, 4):
        part = int.from_bytes(data[offset : offset + 4], "little") * MIX & RANGE
        part = (part ^ part >> 24) * MIX & RANGE
        result = result * MIX & RANGE ^ part
    if size > whole:
        result = (result ^ int.from_bytes(data[whole:], "little")) * MIX & RANGE
    result = (result ^ result >> 13) * MIX & RANGE
    return result ^ result >> 15
