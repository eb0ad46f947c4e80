"""Directives that have nothing special in them, read by one regular expression each.

Most of a long configuration are simple directives, and blocks of nothing but these, of ASCII words without quotes,
escapes, variables and comments. Their text is kept as it is and taken apart where somebody asks: places are wanted in
an error only, and a block of which all is known by its text need not become directives at all. What is not plain, or
not right, is left to the lexer and the parser, which also say what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..model.where import Where
from .lexer import Source
from .tree import Directive, Word

LETTER: Final = r" \t\r\n!%&()*+,\-./0-9:<=>?@A-Z\[\]^_`a-z|~"
"""ASCII's without quotes, escapes, `$`, `#`, marks and what only Python takes for a space."""
LONGEST: Final = 1000
"""Characters of a simple directive or of a block's head: no word in it is too long."""
MOST: Final = 64
"""Lines of a block."""
STATEMENT: Final = re.compile(
    r"(?:[ \t\r\n]+|#[^\n]*+)*+"
    rf"([{LETTER}]{{1,{LONGEST}}}+)"
    rf"(?:;|\{{((?:[ \t\r\n]*+[{LETTER}]{{1,{LONGEST}}}+;){{0,{MOST}}}+)[ \t\r\n]*+\}})"
)
"""The comments before it, the words, and the lines of a block. None of the lines is empty, which is an error."""
LINE: Final = re.compile(r"[ \t\r\n]*+([^;]+);")
NAMES: Final = "snis "
Outline = tuple[str, str]
"""What is before a line's `snis` and behind it. Nothing is to be learned of it where another word ends like that."""


def begins_a_line(outline: Outline) -> bool:
    """Whether it is the directive `snis` that is left out, and not a part of another."""
    return outline[0].rstrip()[-1:] in ("", ";")


class PlainDirective(Directive):
    """A directive by its text. What else a Directive has is made when it is first asked for."""

    __slots__ = ("_offset", "_source", "_texts", "body", "names", "outline")

    def __init__(self, head: str, body: str | None, source: Source, offset: int) -> None:
        """`head` is everything before the `;` or `{`; `offset` is where it begins in the source."""
        self.name, *self._texts = head.split()
        self.body = body
        """The text of the lines inside a block; None for a simple directive."""
        self._source = source
        self._offset = offset
        self.outline: Outline | None = None
        """The text of the block around the arguments of `snis`, if it has any: what blocks have in common."""
        self.names: Sequence[str] = ()
        """Those arguments."""
        if body:
            before, _, rest = body.partition(NAMES)
            line, _, after = rest.partition(";")
            names = line.split()
            if names:
                self.outline = (before, after)
                self.names = names

    @property
    def texts(self) -> list[str]:
        """The arguments as texts."""
        return self._texts

    @property
    def lines(self) -> list[str]:
        """The text of each line inside."""
        return (self.body or "").split(";")[:-1]

    def place(self) -> Where:
        """Where it is written; for one who asks but once, less than `where`."""
        return self._source.where(self._offset)

    def __getattr__(self, name: str) -> object:
        """Make a field, once."""
        if name == "where":
            self.where = self.place()
        elif name == "words":
            self.words = tuple(self._words())
        elif name == "block":
            self.block = None if self.body is None else tuple(self._inside(self.body))
        else:
            raise AttributeError(name)
        made: object = getattr(self, name)
        return made

    def _words(self) -> Iterator[Word]:
        position = self._offset + len(self.name)
        for text in self._texts:
            position = self._source.text.index(text, position)
            yield Word(text, self._source.where(position))
            position += len(text)

    def _inside(self, body: str) -> Iterator[Directive]:
        begin = self._source.text.index("{", self._offset) + 1
        for found in LINE.finditer(body):
            yield PlainDirective(found[1], None, self._source, begin + found.start(1))
