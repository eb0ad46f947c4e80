"""What the tables of the router have in common where they change: values by key, shared where they are the same.

A branch may hang on several keys, of one branch or of several (`parents` counts them), because a route with many names
has the same conditions behind all of them. Who changes it for some of these keys only gives those a copy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import insort
from collections.abc import Iterable
from typing import Generic, Self, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Branch(ABC, Generic[K, V]):
    """See the module."""

    __slots__ = ("more", "parents")

    parents: int
    more: dict[K, list[int]] | None
    """Where values are routes, and several have one key: all of them, the oldest first. The value is the oldest."""

    @abstractmethod
    def get(self, key: K) -> V | None:
        """The value of a key."""

    @abstractmethod
    def put(self, key: K, value: V) -> None:
        """Let a key have a value."""

    @abstractmethod
    def take(self, key: K) -> None:
        """Let a key that has a value have none."""

    @abstractmethod
    def values(self) -> Iterable[V]:
        """Every value."""

    @abstractmethod
    def again(self) -> Self:
        """Another with the same values."""

    @abstractmethod
    def __len__(self) -> int:
        """How many keys have a value."""

    def copy(self) -> Self:
        """Another with the same values, which hang on it as well."""
        made = self.again()
        made.parents = 1
        made.more = {key: list(same) for key, same in self.more.items()} if self.more is not None else None
        for value in self.values():
            if isinstance(value, Branch):
                value.parents += 1
        return made


def add(branch: Branch[K, int], key: K, index: int) -> None:
    """Let a route be one of those of a key."""
    oldest = branch.get(key)
    if oldest is None:
        branch.put(key, index)
    elif oldest != index:
        if branch.more is None:
            branch.more = {}
        same = branch.more.setdefault(key, [oldest])
        if index not in same:
            insort(same, index)
            branch.put(key, same[0])


def drop(branch: Branch[K, int], key: K, index: int) -> None:
    """Let a route be none of those of a key any more."""
    same = branch.more.get(key) if branch.more is not None else None
    if same is None:
        branch.take(key)
        return
    assert branch.more is not None
    same.remove(index)
    branch.put(key, same[0])
    if len(same) == 1:
        del branch.more[key]
