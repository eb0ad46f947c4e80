"""Texts with `$variables`, compiled once and rendered per session.

A template is a list of pieces: constant text, or a getter that reads one variable off a session.
What getters exist is the business of `variables`; this module only cuts the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .view import SessionView

Getter = Callable[["SessionView"], str | None]
"""Reads a variable; None is nginx's "not found": empty in a template, `-` in a log."""
Lookup = Callable[[str], Getter]
"""Finds a getter by name without `$`; raises UnknownVariable."""

VARIABLE: Final = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+)|(.?))", re.DOTALL)

UNCLOSED: Final = re.compile(r"\$\{([A-Za-z0-9_]*)(?:[^A-Za-z0-9_}]|(?<=[A-Za-z0-9_])$)", re.DOTALL)


class UnknownVariable(LookupError):
    """No variable of that name; `args[0]` is the name, empty after a lone `$`."""


class UnclosedVariable(UnknownVariable):
    """A `${` without its `}`; `args[1]` is what stands behind it."""


class Template:
    """A compiled text. Compared and hashed by its source, so that equal settings are equal."""

    __slots__ = ("constant", "pieces", "source")

    def __init__(self, source: str, pieces: tuple[str | Getter, ...]) -> None:
        self.source = source
        self.pieces = pieces
        self.constant = None if any(callable(piece) for piece in pieces) else "".join(map(str, pieces))
        """The text itself where no variable is in it, else None."""

    def render(self, session: SessionView, missing: str = "") -> str:
        """The text with every variable replaced; one that is not found gives `missing`."""
        if self.constant is not None:
            return self.constant
        if len(self.pieces) == 1:  # one variable and nothing else, as most maps and `proxy_pass $to` have
            value = self.pieces[0](session)  # type: ignore[operator]  # a text alone would be a constant
            return missing if value is None else value
        out = []
        for piece in self.pieces:
            if isinstance(piece, str):
                out.append(piece)
            else:
                value = piece(session)
                out.append(missing if value is None else value)
        return "".join(out)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return f"Template({self.source!r})"


def constant(text: str) -> Template:
    """A template without variables."""
    return Template(text, (text,) if text else ())


def has_variables(text: str) -> bool:
    """Whether nginx would see a variable in `text`."""
    return "$" in text


def compile_template(text: str, lookup: Lookup) -> Template:
    """Cut `text` at its variables.

    Raises UnknownVariable for a name that `lookup` does not know, and with an empty name for a `$`
    that no name follows (nginx: "invalid variable name").
    """
    if "$" not in text:
        return constant(text)
    pieces: list[str | Getter] = []
    end = 0
    for found in VARIABLE.finditer(text):
        if found.start() > end:
            pieces.append(text[end : found.start()])
        name = found[1] or found[2]
        if not name:
            raise unnamed(text[found.start() :])
        pieces.append(lookup(name))
        end = found.end()
    if end < len(text):
        pieces.append(text[end:])
    return Template(text, tuple(pieces))


def unnamed(text: str) -> UnknownVariable:
    """What is wrong with a text that begins with a `$` which no name follows."""
    open_name = UNCLOSED.match(text)
    return UnclosedVariable("", open_name[1]) if open_name is not None else UnknownVariable("")
