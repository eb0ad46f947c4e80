"""Texts with one directive of the table in them, right or wrong in a chosen way."""

from __future__ import annotations

from typing import Final

from penstock.shared.conf.check import check
from penstock.shared.conf.parser import parse
from penstock.shared.conf.table.spec import Spec
from penstock.shared.errors import ConfigError
from penstock.shared.model.stream import Notice

AROUND: Final = {
    "main": "{}",
    "events": "events {{ {} }}",
    "stream": "stream {{ {} }}",
    "server": "stream {{ server {{ {} }} }}",
    "upstream": "stream {{ upstream u {{ {} }} }}",
    "service": "stream {{ service s {{ {} }} }}",
    "route": "stream {{ route r {{ {} }} }}",
    "certificate": "stream {{ certificate {{ {} }} }}",
}
"""What stands around a directive in each context that has directives."""


def checked(text: str) -> tuple[Notice, ...]:
    """The notices about a text without includes."""
    return check(parse("/test.conf", unreadable, no_files, "/", text))


def complaint_of_ours(text: str) -> str | None:
    """Our text about a configuration; None where it is right."""
    try:
        checked(text)
    except ConfigError as error:
        return error.text
    return None


def written(spec: Spec, count: int | None = None, *, wrong: int | None = None, end: str | None = None) -> str:
    """The directive with right arguments, or with another count of them, one of a wrong type, or another end."""
    count = spec.minimum if count is None else count
    words = [spec.kind_of(index).right for index in range(count)]
    if wrong is not None:
        words[wrong] = spec.kind_of(wrong).wrong
    return " ".join((spec.name, *words)) + (end or (" {}" if spec.block else ";"))


def wrong_counts(spec: Spec) -> list[int]:
    """One argument too few and one too many, where that can be."""
    counts = [spec.minimum - 1] if spec.minimum else []
    return counts if spec.maximum is None else [*counts, spec.maximum + 1]


def unreadable(path: str) -> str:
    raise FileNotFoundError(2, "no such file", path)


def no_files(pattern: str) -> list[str]:
    del pattern
    return []
