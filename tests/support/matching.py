"""Answers held against what is expected of them: of an object the keys that are named, of all else everything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ANY: Final = re.compile(r".*", re.S)


def fits(wanted: Any, found: Any) -> bool:
    """Whether an answer is as expected; a pattern stands for any text that it matches whole."""
    if isinstance(wanted, re.Pattern):
        return isinstance(found, str) and bool(wanted.fullmatch(found))
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            key in found and fits(each, found[key]) for key, each in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(wanted) == len(found)
            and all(fits(*pair) for pair in zip(wanted, found, strict=True))
        )
    return type(wanted) is type(found) and bool(wanted == found)
