"""Names of shared memory: one space for all of them, each with one use and one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...errors import ConfigError
from ...model.where import Where
from .. import values
from ..tree import Word

LEAST: Final = 8 * 4096
"""nginx wants eight pages."""


@dataclass(slots=True)
class Declared:
    """What is known of a zone so far."""

    use: str
    where: Where
    size: int = 0
    """0 while nobody has given one."""


class ZoneNames:
    """The zones of one configuration."""

    def __init__(self) -> None:
        self._declared: dict[str, Declared] = {}

    def declare(self, name: str, use: str, size: int, where: Where) -> None:
        """A directive names a zone; a size of 0 means the one that is given elsewhere."""
        known = self._declared.setdefault(name, Declared(use, where, size))
        if known.use != use:
            text = f'the shared memory zone "{name}" is already declared for a different use'
            raise ConfigError(text, where, f"the first is at {known.where}")
        if size and known.size and size != known.size:
            text = f'the size {size} of shared memory zone "{name}" conflicts with already declared size {known.size}'
            raise ConfigError(text, where, f"the first is at {known.where}")
        known.size = known.size or size

    def size(self, name: str) -> int:
        """The size of a zone; 0 for one that has none."""
        known = self._declared.get(name)
        return known.size if known is not None else 0

    def check(self) -> None:
        """Refuse a zone to which nobody has given a size."""
        for name, declared in self._declared.items():
            if not declared.size:
                hint = "give its size where it is declared"
                raise ConfigError(f'zero size shared memory zone "{name}"', declared.where, hint)


def size_of_zone(text: str, word: Word, told: str) -> int:
    """A size of at least eight pages; `told` is what nginx calls a zone that is too small."""
    try:
        size = values.size(Word(text, word.where))
    except ConfigError:
        raise ConfigError(f'invalid zone size "{word.text}"', word.where) from None
    if size < LEAST:
        raise ConfigError(f'zone "{told}" is too small', word.where, f"it needs at least {LEAST // 1024}k")
    return size
