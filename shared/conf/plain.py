"""Directives that have nothing special in them, read by one regular expression each.

Most of a long configuration are simple directives, and blocks of nothing but these, of ASCII words without quotes,
escapes, variables and comments. Their text is kept as it is and taken apart where somebody asks: places are wanted in
an error only, and a block of which all is known by its text need not become directives at all. What is not plain, or
not right, is left to the lexer and the parser, which also say what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

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
WORD: Final = re.compile(r"[^ \t\r\n]+")


class PlainDirective(Directive):
    """A directive by its text. What else a Directive has is made when it is first asked for."""

    __slots__ = ("_head", "_offset", "_source", "body")

    def __init__(self, head: str, body: str | None, source: Source, offset: int) -> None:
        """`head` is everything before the `;` or `{`; `offset` is where it begins in the source."""
        self.name = head.split(None, 1)[0]
        self.body = body
        """The text of the lines inside a block; None for a simple directive."""
        self._head = head
        self._source = source
        self._offset = offset

    @property
    def texts(self) -> list[str]:
        """The arguments."""
        return self._head.split()[1:]

    @property
    def lines(self) -> list[list[str]]:
        """The words of each line inside."""
        return [line.split() for line in (self.body or "").split(";")[:-1]]

    def __getattr__(self, name: str) -> object:
        """Make a field, once."""
        if name == "where":
            self.where = self._source.where(self._offset)
        elif name == "words":
            self.words = tuple(self._words())
        elif name == "block":
            self.block = None if self.body is None else tuple(self._inside(self.body))
        else:
            raise AttributeError(name)
        made: object = getattr(self, name)
        return made

    def _words(self) -> Iterator[Word]:
        for found in islice(WORD.finditer(self._head), 1, None):
            yield Word(found[0], self._source.where(self._offset + found.start()))

    def _inside(self, body: str) -> Iterator[Directive]:
        begin = self._source.text.index("{", self._offset) + 1
        for found in LINE.finditer(body):
            yield PlainDirective(found[1], None, self._source, begin + found.start(1))
