"""Values by server name, with `*.x` (any depth) and `x.*`, found in a time that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Generic, TypeVar

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


class NameTable(Generic[V]):
    """Values by pattern."""

    __slots__ = ("_exact", "_prefixes", "_suffixes", "_wild")

    def __init__(self, by_pattern: Mapping[str, V]) -> None:
        self._wild = {pattern: by_pattern[pattern] for pattern in by_pattern if "*" in pattern and is_wildcard(pattern)}
        self._exact = by_pattern
        if self._wild:
            self._exact = {pattern: value for pattern, value in by_pattern.items() if pattern not in self._wild}
        self._suffixes = _label_counts(pattern for pattern in self._wild if pattern[0] == "*")
        self._prefixes = _label_counts(pattern for pattern in self._wild if pattern[0] != "*")

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


def _label_counts(patterns: Iterable[str]) -> tuple[int, ...]:
    """How many labels beside the star the patterns have: only these cuts of a name are tried."""
    return tuple(sorted({pattern.count(".") for pattern in patterns}))
