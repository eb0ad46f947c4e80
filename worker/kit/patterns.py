"""Lists of texts in which `*` stands for any characters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

STAR: Final = re.escape("*")


class Patterns:
    """What such a list holds; plain texts cost one look-up, however many there are."""

    __slots__ = ("_pattern", "_plain")

    def __init__(self, written: Iterable[str]) -> None:
        texts = tuple(written)
        self._plain = frozenset(text for text in texts if "*" not in text)
        wild = sorted({text for text in texts if "*" in text})
        self._pattern = re.compile("|".join(map(glob, wild)), re.DOTALL) if wild else None

    def __contains__(self, text: str) -> bool:
        return text in self._plain or (self._pattern is not None and self._pattern.fullmatch(text) is not None)


def glob(text: str) -> str:
    """A regular expression that means the same. What follows a star is looked for once: no text can make it slow."""
    first, *others = (re.escape(part) for part in re.sub(r"\*+", "*", text).split("*"))
    if not others:
        return first
    *middle, last = others
    # atomic: the first place where a part fits is the one, since the next star may stand for the rest
    return first + "".join(f"(?>.*?{part})" for part in middle) + f".*{last}"
