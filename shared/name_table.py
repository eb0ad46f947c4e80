"""Values by server name, with `*.x` (any depth) and `x.*`, found in a time that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Final, Self, TypeVar

from .branch import Branch

V = TypeVar("V")

MAX_NAME: Final = 255
"""Characters; a longer name is none of DNS's, and is no longer looked up."""
EXACT: Final = 1 << 10
"""The rank of an exact name; a wildcard's is the length of its pattern."""


def is_wildcard(pattern: str) -> bool:
    """Whether a pattern is `*.x` or `x.*`."""
    return pattern.startswith("*.") or pattern.endswith(".*")


def rank_of(pattern: str, name: str) -> int | None:
    """How specifically a pattern matches a normalised name; None when it does not. A star is one letter or more."""
    if not is_wildcard(pattern):
        return EXACT if pattern == name else None
    fits = name.endswith(pattern[1:]) if pattern[0] == "*" else name.startswith(pattern[:-1])
    return len(pattern) if fits and len(name) >= len(pattern) else None


class NameTable(Branch[str, V]):
    """Values by pattern."""

    __slots__ = ("_exact", "_prefixes", "_suffixes", "_tally", "_wild")

    def __init__(self, by_pattern: dict[str, V], more: dict[str, list[int]] | None = None) -> None:
        """The table keeps the dictionary."""
        self.parents = 1
        self.more = more
        self._wild = {pattern: by_pattern[pattern] for pattern in by_pattern if "*" in pattern and is_wildcard(pattern)}
        self._exact = by_pattern
        if self._wild:
            self._exact = {pattern: value for pattern, value in by_pattern.items() if pattern not in self._wild}
        self._tally: dict[tuple[bool, int], int] = {}
        """Wildcards by side of the star and number of labels beside it: only such cuts of a name are tried."""
        for pattern in self._wild:
            self._count(pattern, 1)
        self._learn()

    def get(self, key: str) -> V | None:
        return (self._wild if is_wildcard(key) else self._exact).get(key)

    def put(self, key: str, value: V) -> None:
        if not is_wildcard(key):
            self._exact[key] = value
            return
        if key not in self._wild and self._count(key, 1) == 1:
            self._learn()
        self._wild[key] = value

    def take(self, key: str) -> None:
        if not is_wildcard(key):
            del self._exact[key]
            return
        del self._wild[key]
        if not self._count(key, -1):
            self._learn()

    def values(self) -> Iterable[V]:
        return chain(self._exact.values(), self._wild.values())

    def again(self) -> Self:
        return type(self)(self._exact | self._wild)

    def __len__(self) -> int:
        return len(self._exact) + len(self._wild)

    def _count(self, pattern: str, step: int) -> int:
        key = (pattern[0] == "*", pattern.count("."))
        count = self._tally.get(key, 0) + step
        if count:
            self._tally[key] = count
        else:
            del self._tally[key]
        return count

    def _learn(self) -> None:
        self._suffixes = tuple(sorted([count for left, count in self._tally if left]))
        self._prefixes = tuple(sorted([count for left, count in self._tally if not left]))

    def exact(self, name: str) -> V | None:
        """The value of exactly this name."""
        return self._exact.get(name)

    def find(self, name: str) -> list[tuple[int, V]]:
        """The values of every pattern that matches, with their ranks, in no order."""
        found: list[tuple[int, V]] = []
        if (value := self._exact.get(name)) is not None:
            found.append((EXACT, value))
        if self._wild:
            self._find_wild(name, found)
        return found

    def _find_wild(self, name: str, found: list[tuple[int, V]]) -> None:
        labels = name.split(".")
        patterns = ["*." + ".".join(labels[-count:]) for count in self._suffixes if count < len(labels)]
        patterns += [".".join(labels[:count]) + ".*" for count in self._prefixes if count < len(labels)]
        get = self._wild.get
        found += [
            (len(pattern), value)
            for pattern in patterns
            if len(pattern) <= len(name) and (value := get(pattern)) is not None
        ]
