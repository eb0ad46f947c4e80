"""The parsed form of a configuration: directives with their words, before anything is known of their meaning."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.stream import SourceFile
from ..model.where import Where


@dataclass(frozen=True, slots=True)
class Word:
    """One word, unescaped; `quoted` tells `"off"` from `off` where that matters."""

    text: str
    where: Where
    quoted: bool = False


@dataclass(slots=True, eq=False)
class Directive:
    """A simple directive (`block` is None) or a block. Nobody changes it; that it is not frozen saves half its cost."""

    name: str
    words: tuple[Word, ...]
    """The arguments, without the name."""
    where: Where
    block: tuple[Directive, ...] | None = None

    @property
    def texts(self) -> list[str]:
        """The arguments as texts."""
        return [word.text for word in self.words]


@dataclass(frozen=True, slots=True)
class Tree:
    """A configuration file with everything it includes, in place."""

    directives: tuple[Directive, ...]
    files: tuple[SourceFile, ...]
    """Each file once, in the order read."""
