"""`map`: a variable whose value is chosen by another text.

Literal keys and host names are found by hashing, so that a hundred thousand cost as much as one; regular expressions
are tried in turn, as nginx does (https://nginx.org/en/docs/stream/ngx_stream_map_module.html). The order is: exact,
longest leading wildcard, longest trailing wildcard, first matching expression, default.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, Generic, TypeVar

import regex

from .pattern import Pattern
from .scope import CAPTURES
from .template import Template, constant
from .view import SessionView

EMPTY: Final = constant("")
NUMBERS: Final = tuple(sorted(CAPTURES))
V = TypeVar("V")

LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class Conflict(ValueError):
    """A key stands in a map twice, or stands for the same names as another; `args[0]` is the key."""


class BadName(ValueError):
    """A key of a `hostnames` map is no host name and no wildcard; `args[0]` is the key."""


class Kind(Enum):
    """What a key of a `hostnames` map stands for."""

    EXACT = "name"
    DOTTED = ".name"
    LEADING = "*.rest"
    TRAILING = "name.*"


class Wildcards(Generic[V]):
    """Host names with a `*` at one end."""

    __slots__ = ("_heads", "_longest_head", "_longest_tail", "_tails")

    def __init__(self) -> None:
        self._tails: dict[str, V] = {}
        """By what follows `*`: `.example.com`."""
        self._heads: dict[str, V] = {}
        """By what stands before `*`: `www.`."""
        self._longest_tail = self._longest_head = 0

    def add_leading(self, tail: str, value: V) -> bool:
        """Add `*` followed by `tail`; False when it is there already."""
        if tail in self._tails:
            return False
        self._longest_tail = max(self._longest_tail, len(tail))
        self._tails[tail] = value
        return True

    def add_trailing(self, head: str, value: V) -> bool:
        """Add `head` followed by `*`; False when it is there already."""
        if head in self._heads:
            return False
        self._longest_head = max(self._longest_head, len(head))
        self._heads[head] = value
        return True

    def find(self, name: str) -> V | None:
        """The value of the longest leading, else of the longest trailing wildcard that `name` falls under."""
        value = self._leading(name) if self._tails else None
        return self._trailing(name) if value is None and self._heads else value

    # Neither looks further than the longest key: a name of a thousand dots costs no more than the keys ask for.

    def _leading(self, name: str) -> V | None:
        start = name.find(".", max(0, len(name) - self._longest_tail))
        while start >= 0:
            value = self._tails.get(name[start:])
            if value is not None:
                return value
            start = name.find(".", start + 1)
        return None

    def _trailing(self, name: str) -> V | None:
        end = name.rfind(".", 0, min(self._longest_head, len(name) - 1)) + 1
        while end > 0:
            value = self._heads.get(name[:end])
            if value is not None:
                return value
            end = name.rfind(".", 0, end - 1) + 1
        return None


class Entries:
    """The lines of a map, ready to be searched."""

    __slots__ = ("_exact", "_patterns", "_wildcards", "default", "hostnames")

    def __init__(self) -> None:
        self._exact: dict[str, Template] = {}
        self._wildcards: Wildcards[Template] = Wildcards()
        self._patterns: list[tuple[Pattern, Template]] = []
        self.default = EMPTY
        self.hostnames = False
        """Keys added from now on are host names; and a trailing dot of what is looked up is dropped."""

    def add(self, key: str, value: Template) -> None:
        """Add a literal key, or a host name; raises Conflict and BadName."""
        key = ascii_lower(key)
        kind = hostname_kind(key) if self.hostnames else Kind.EXACT
        name = key[1:] if kind is Kind.DOTTED else key
        if kind in (Kind.EXACT, Kind.DOTTED):
            if name in self._exact:
                raise Conflict(key)
            self._exact[name] = value
        if kind in (Kind.LEADING, Kind.DOTTED) and not self._wildcards.add_leading(key.removeprefix("*"), value):
            raise Conflict(key)
        if kind is Kind.TRAILING and not self._wildcards.add_trailing(key[:-1], value):
            raise Conflict(key)

    def add_pattern(self, pattern: Pattern, value: Template) -> None:
        """Add a regular expression behind those that are there."""
        self._patterns.append((pattern, value))

    def find(self, text: str, captures: dict[str, str]) -> Template:
        """The value for a text; a regular expression leaves its groups in `captures`."""
        if self.hostnames and text.endswith("."):
            text = text[:-1]
        key = ascii_lower(text)
        value = self._exact.get(key)
        if value is None and self.hostnames:
            value = self._wildcards.find(key)
        if value is not None:
            return value
        for pattern, chosen in self._patterns:
            found = pattern.search(text)
            if found is not None:
                keep_groups(pattern, found, captures)
                return chosen
        return self.default


class Map:
    """A compiled `map`; `getter` is what its variable reads."""

    __slots__ = ("_entries", "_source", "name", "volatile")

    def __init__(self, source: Template, name: str, entries: Entries, *, volatile: bool = False) -> None:
        self.name = name
        self.volatile = volatile
        self._entries = entries
        self._source = reader(source)

    def getter(self, session: SessionView) -> str:
        """The value for a session: found once and kept, unless the map is volatile."""
        values = session.values
        if not self.volatile:
            known = values.get(self.name)
            if known is not None:
                return known
        value = self._entries.find(self._source(session) or "", values).render(session)
        if not self.volatile:
            values[self.name] = value
        return value


def reader(source: Template) -> Callable[[SessionView], str | None]:
    """The cheapest way to render: the getter itself where the text is one variable."""
    sole = source.pieces[0] if len(source.pieces) == 1 else None
    return source.render if sole is None or isinstance(sole, str) else sole


def ascii_lower(text: str) -> str:
    """Lower case as nginx has it: of ASCII's letters alone."""
    return text.lower() if text.isascii() else text.translate(LOWER)


def hostname_kind(key: str) -> Kind:
    """What a host name of a map stands for; raises BadName for a `*` in the wrong place and for an empty label."""
    if key.startswith("*."):
        kind, rest = Kind.LEADING, key[2:]
    elif key.endswith(".*"):
        kind, rest = Kind.TRAILING, key[:-2]
    elif key.startswith("."):
        kind, rest = Kind.DOTTED, key[1:]
    else:
        kind, rest = Kind.EXACT, key
    if "*" in rest or ".." in rest or "\0" in rest or rest.startswith(".") or (kind is not Kind.EXACT and not rest):
        raise BadName(key)
    return kind


def keep_groups(pattern: Pattern, found: regex.Match[str], captures: dict[str, str]) -> None:
    """Remember what a match captured: its named groups for good, its numbered ones until the next match."""
    for number in CAPTURES & captures.keys():
        del captures[number]
    if not pattern.groups:
        return
    captures.update(zip(NUMBERS, found.groups(""), strict=False))
    captures.update(found.groupdict(""))
