"""The nearest known name to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

LIKENESS: Final = 0.72
"""Ratio from which two names count as alike: `proxy_pas` and `proxypass` find `proxy_pass`, `foo` finds nothing."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name in `known` that `name` was probably meant to be, or None."""
    by_folded = {choice.lower().replace("-", "_"): choice for choice in sorted(known)}
    found = get_close_matches(name.lower().replace("-", "_"), by_folded, n=1, cutoff=LIKENESS)
    return by_folded[found[0]] if found else None
