"""nginx's inheritance: a directive holds in its block and in every block inside, until one of those has it itself.

A list (`allow`, `access_log` …) is inherited as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import ConfigError
from .. import values
from ..tree import Directive, Word


class Scope:
    """The directives of one block, seen before those of the blocks around it."""

    __slots__ = ("by_name", "directives", "outer")

    def __init__(self, directives: Iterable[Directive], outer: Scope | None = None) -> None:
        self.directives = tuple(directives)
        self.outer = outer
        self.by_name: dict[str, list[int]] = {}
        """Where the directives of a name are among all: a stream of thousands of servers is asked by each of them."""
        for place, directive in enumerate(self.directives):
            self.by_name.setdefault(directive.name, []).append(place)

    def own(self, *names: str) -> tuple[Directive, ...]:
        """The directives of those names in this block itself, in the order written."""
        if not any(name in self.by_name for name in names):
            return ()
        found = [self.by_name[name] for name in names if name in self.by_name]
        places = found[0] if len(found) == 1 else sorted(place for some in found for place in some)
        return tuple(self.directives[place] for place in places)

    def all(self, *names: str) -> tuple[Directive, ...]:
        """The directives of those names in the nearest block that has any of them."""
        level: Scope | None = self
        while level is not None:
            if found := level.own(*names):
                return found
            level = level.outer
        return ()

    def depth(self, name: str) -> int | None:
        """How many blocks outwards the nearest directive of that name stands; None when there is none."""
        level: Scope | None = self
        steps = 0
        while level is not None:
            if name in level.by_name:
                return steps
            level, steps = level.outer, steps + 1
        return None

    def one(self, name: str) -> Directive | None:
        """The directive of that name in the nearest block that has it; a second one in a block is an error."""
        found = self.all(name)
        if len(found) > 1:
            raise duplicate(found[1], found[0])
        return found[0] if found else None

    def word(self, name: str) -> Word | None:
        """The first argument of a directive."""
        directive = self.one(name)
        return directive.words[0] if directive else None

    def flag(self, name: str, default: bool) -> bool:
        """`on` or `off`."""
        word = self.word(name)
        return default if word is None else values.flag(word, name)

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        word = self.word(name)
        return default if word is None else values.number(word, name)

    def size(self, name: str, default: int) -> int:
        """Bytes."""
        word = self.word(name)
        return default if word is None else values.size(word, name)

    def optional_size(self, name: str) -> int | None:
        """Bytes, or None where nothing is written."""
        word = self.word(name)
        return None if word is None else values.size(word, name)

    def seconds(self, name: str, default: float) -> float:
        """A time."""
        word = self.word(name)
        return default if word is None else values.time(word, name)

    def text(self, name: str, default: str) -> str:
        """The first argument as it is."""
        word = self.word(name)
        return default if word is None else word.text


def duplicate(second: Directive, first: Directive) -> ConfigError:
    """nginx's sentence for a directive that is given twice, and where the first one is."""
    return ConfigError(f'"{second.name}" directive is duplicate', second.where, f"the first is at {first.where}")
