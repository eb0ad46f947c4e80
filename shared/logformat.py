"""`log_format`: a template whose values are escaped, so that no client can forge a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from .template import Getter, Lookup, Template, compile_template
from .view import SessionView

JSON_SHORT: Final[Mapping[str, str]] = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}


def hexadecimal(found: re.Match[str]) -> str:
    """`\\x0A`: escape=default's form of a character, by the bytes of its UTF-8."""
    return "".join([f"\\x{byte:02X}" for byte in found[0].encode("utf-8", "surrogateescape")])


def json_escape(found: re.Match[str]) -> str:
    """escape=json's form of a character (RFC 8259, section 7)."""
    character = found[0]
    return JSON_SHORT.get(character) or f"\\u{ord(character):04X}"


RULES: Final[Mapping[str, tuple[str, re.Pattern[str] | None, Callable[[re.Match[str]], str]]]] = {
    "default": ("-", re.compile(r"[^ !#-\[\]-~]"), hexadecimal),
    "json": ("", re.compile(r'["\\\x00-\x1f]'), json_escape),
    "none": ("", None, hexadecimal),
}
"""By `escape=`: what stands for a variable that is not found, the characters that are escaped, and how."""


class LogFormat(Template):
    """A compiled `log_format`."""

    __slots__ = ("_escape", "_format", "_getters", "_missing", "_special", "escape")

    def __init__(self, source: str, pieces: tuple[str | Getter, ...], escape: str) -> None:
        super().__init__(source, pieces)
        self.escape = escape
        self._getters = tuple(piece for piece in pieces if not isinstance(piece, str))
        self._format = "".join([piece.replace("%", "%%") if isinstance(piece, str) else "%s" for piece in pieces])
        self._missing, self._special, self._escape = RULES[escape]

    def render(self, session: SessionView, missing: str | None = None) -> str:
        """The line of a session; a variable that is not found gives what `escape=` says, unless `missing` is given."""
        values = [getter(session) for getter in self._getters]
        special = self._special
        # One search over all values is all that most lines need; measured at a third of a search for each.
        if None in values:
            nothing = self._missing if missing is None else missing
            values = [nothing if value is None else value for value in values]
        if special is not None and special.search("".join(values)):  # type: ignore[arg-type]  # None was replaced above
            values = [special.sub(self._escape, value) for value in values]  # type: ignore[arg-type]  # likewise
        return self._format % tuple(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LogFormat) and self.source == other.source and self.escape == other.escape

    def __hash__(self) -> int:
        return hash((self.source, self.escape))


def compile_log_format(text: str, escape: str, lookup: Lookup) -> LogFormat:
    """Compile a format under `escape=` `default`, `json` or `none`; raises UnknownVariable."""
    return LogFormat(text, compile_template(text, lookup).pieces, escape)
