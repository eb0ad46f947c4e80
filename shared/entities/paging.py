"""Pages of lists: how large, where they go on, and which tags are asked for."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from .names import tag_mistake
from .schema import Record
from .violation import invalid_offset, invalid_option, invalid_size

SIZE: Final = 100
MOST: Final = 1000
MOST_TAGS: Final = 100


@dataclass(frozen=True, slots=True)
class Tags:
    """A filter."""

    names: tuple[str, ...]
    every: bool = True
    """Whether all of them are asked for, rather than any."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    records: tuple[Record, ...]
    offset: str | None
    """Where the next one begins; None: this is the last."""

    def body(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The answer; `query` (`size`, `tags`) goes into `next`."""
        found: dict[str, Any] = {"data": list(self.records), "next": None}
        if self.offset is not None:
            found["next"] = f"{path}?{urlencode({'offset': self.offset, **(query or {})})}"
            found["offset"] = self.offset
        return found


def size_of(text: str | None) -> int:
    """`?size=`."""
    if text is None:
        return SIZE
    try:
        value = float(text) if len(text) < 20 else None
    except ValueError:
        value = None
    if value is None or value != value:
        raise invalid_size("size must be a number")
    if not value.is_integer() or not 1 <= value <= MOST:
        raise invalid_size(f"size must be an integer between 1 and {MOST}")
    return int(value)


def offset_text(place: Any) -> str:
    """Where a list goes on: unpadded base64 of a JSON list, as Kong's."""
    if not isinstance(place, list | tuple):
        place = [place]
    return b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def offset_of(text: str | None, length: int = 1) -> tuple[str, ...] | None:
    """`?offset=`: the texts in it; None at the beginning."""
    if text is None:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        place = json.loads(b64decode(padded.encode("ascii"), validate=True).decode())
    except (ValueError, binascii.Error, RecursionError):
        raise invalid_offset(text) from None
    if not isinstance(place, list) or len(place) != length or not all(isinstance(each, str) for each in place):
        raise invalid_offset(text, "bad content")
    return tuple(place)


def tags_of(text: str | None) -> Tags | None:
    """`?tags=`: `a,b` all of, `a/b` any of."""
    if text is None:
        return None
    if not text:
        raise invalid_option("tags", "cannot be null")
    every, some = text.split(","), text.split("/")
    names = every if len(every) > 1 else some
    if (len(every) > 1 and len(some) > 1) or any(tag_mistake(each) for each in names) or len(names) > MOST_TAGS:
        raise invalid_option("tags", "invalid filter syntax")
    return Tags(tuple(dict.fromkeys(names)), every=len(some) == 1)
