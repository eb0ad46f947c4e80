"""PCRE's regular expressions on the `regex` package: the few spellings it does not have, and a limit on time.

nginx compiles without UTF and UCP, so `\\w`, `\\d` and case mean ASCII. A search that a client's text makes run away is
given up, as PCRE's match limit does it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import regex

RUNAWAY: Final = 0.1
"""Seconds after which a search counts as no match."""

SPELLINGS: Final = regex.compile(
    r"""\\Q(?P<quoted>.*?)(?:\\E|\Z)
    |\\x\{(?P<hex>[0-9A-Fa-f]{1,6})\}
    |\\k[<{'](?P<back>\w+)[>}']
    |\(\?'(?P<named>\w+)'
    |(?P<escape>\\e)
    |\\.""",
    regex.VERBOSE | regex.DOTALL,
)

RISKY: Final = regex.compile(r"\)[*+{]|\(\?(?:R|&|P>|\d)|\\[1-9gk]|\(\?P=")
"""A repeated group, a recursion, a reference: what can take exponential time."""
UNBOUNDED: Final = regex.compile(r"(?<!\\)(?:[*+]|\{\d+,\})")
MANY: Final = 3
"""As many unbounded repeats make a search cubic or worse."""

Search = Callable[[str], "regex.Match[str] | None"]


class Pattern:
    """A compiled regular expression."""

    __slots__ = ("groups", "names", "search", "text")

    def __init__(self, text: str, compiled: regex.Pattern[str]) -> None:
        self.text = text
        self.groups = compiled.groups
        self.names = tuple(compiled.groupindex)
        """The named groups."""
        self.search: Search = limited(compiled) if risky(text) else compiled.search
        """Find the first match anywhere in a text."""


def compile_pattern(text: str, caseless: bool = False) -> Pattern:
    """Compile a PCRE; raises ValueError with what is wrong and at which character."""
    flags = regex.VERSION0 | regex.ASCII | (regex.IGNORECASE if caseless else 0)
    try:
        return Pattern(text, regex.compile(SPELLINGS.sub(respell, text), flags))
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(f'invalid regular expression "{text}": {error}') from error


def respell(found: regex.Match[str]) -> str:
    """One spelling of PCRE's in that of `regex`."""
    if found["quoted"] is not None:
        return regex.escape(found["quoted"], special_only=True)
    if found["hex"] is not None:
        return regex.escape(chr(int(found["hex"], 16)), special_only=True)
    if found["back"] is not None:
        return f"(?P={found['back']})"
    if found["named"] is not None:
        return f"(?P<{found['named']}>"
    return "\\x1b" if found["escape"] else found[0]


def risky(text: str) -> bool:
    """Whether a search could run away. Watching the time costs 1.6 µs a search, so the others go without."""
    return RISKY.search(text) is not None or len(UNBOUNDED.findall(text)) >= MANY


def limited(compiled: regex.Pattern[str]) -> Search:
    """A search that gives up after a while."""

    def search(text: str) -> regex.Match[str] | None:
        try:
            return compiled.search(text, timeout=RUNAWAY)
        except TimeoutError:
            return None

    return search
