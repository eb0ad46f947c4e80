"""Cuts the text of a configuration into words and the marks `;`, `{`, `}`.

The rules are nginx's (nginx.org/en/docs/beginners_guide.html#conf_structure), as observed on nginx 1.22:

- a word ends at white space, `;` or `{`, never at `}`, so `a}` is one word and `${name}` stays whole;
- `#` begins a comment only where a word could begin;
- a word that begins with a quote ends at the same quote, and white space, `;`, `{` or `)` must follow;
- `\\"`, `\\'`, `\\\\`, `\\t`, `\\r`, `\\n` are replaced in every word; any other backslash stays, but what follows
  it neither ends the word nor closes the quote.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from enum import Enum
from itertools import accumulate
from typing import Final, NamedTuple

from ..errors import ConfigError
from ..model.where import Where

LONGEST_WORD: Final = 4095
"""Bytes of a word as written: what fits nginx's buffer together with the character that ends it."""

PLAIN: Final = re.compile(r"[ \t\r\n]*+(?:([^ \t\r\n;{}\\$#\"'][^ \t\r\n;{\\$]{0,999}+)(?=[ \t\r\n;{])|([;{}]))")
"""What most tokens are, with the space before them: a word without anything special in it, or a mark."""
SPACE: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
BARE: Final = re.compile(r"(?:\\.|\$\{*|[^ \t\r\n;{\\$])+", re.DOTALL)
QUOTED: Final = {quote: re.compile(rf"{quote}((?:\\.|[^\\{quote}])*){quote}", re.DOTALL) for quote in "\"'"}
ESCAPE: Final = re.compile(r"\\([\"'\\trn])")
REPLACEMENT: Final = {"t": "\t", "r": "\r", "n": "\n"}
AFTER_QUOTE: Final = " \t\r\n;{)"


new: Final = tuple.__new__
"""What a NamedTuple's own constructor calls, at twice the cost."""


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    SEMICOLON = ";"
    OPEN = "{"
    CLOSE = "}"
    END = "end"


MARKS: Final = {kind.value: kind for kind in (Kind.SEMICOLON, Kind.OPEN, Kind.CLOSE)}


class Token(NamedTuple):
    """A word with its escapes replaced, a mark, or the end of the text."""

    kind: Kind
    text: str
    where: Where
    quoted: bool = False


class Source:
    """A text and the places in it: offsets turned into lines and columns."""

    __slots__ = ("_starts", "file", "text")

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        lengths = [len(line) + 1 for line in text.split("\n")]
        self._starts = list(accumulate(lengths, initial=0))
        """Where each line begins, and the one after the last would."""

    def where(self, offset: int) -> Where:
        """The place of `offset`."""
        line = bisect_right(self._starts, offset)
        return new(Where, (self.file, line, offset - self._starts[line - 1] + 1))

    def error(self, text: str, offset: int, hint: str = "") -> ConfigError:
        """A mistake at `offset`."""
        return ConfigError(text, self.where(offset), hint)


class Lexer:
    """The tokens of a text, the last of which is always of kind END; iterating raises ConfigError.

    Whoever reads some of the text in another way moves `position` between two tokens.
    """

    __slots__ = ("_end", "position", "source")

    def __init__(self, text: str, file: str, end: str = 'unexpected end of file, expecting ";" or "}"') -> None:
        """`end` is the complaint for a text that stops inside a word."""
        self.source = Source(text, file)
        self.position = 0
        self._end = end

    def __iter__(self) -> Iterator[Token]:
        source, text = self.source, self.source.text
        while True:
            while plain := PLAIN.match(text, self.position):
                self.position = position = plain.end()
                if word := plain[1]:
                    yield Token(Kind.WORD, word, source.where(position - len(word)))
                else:
                    yield Token(MARKS[plain[2]], plain[2], source.where(position - 1))
            if space := SPACE.match(text, self.position):
                self.position = space.end()
            if self.position >= len(text):
                yield Token(Kind.END, "", source.where(len(text)))
                return
            character = text[self.position]
            if character in MARKS:
                continue  # one behind a comment
            read = quoted_word if character in QUOTED else bare_word
            token, self.position = read(source, self.position, self._end)
            yield token


def bare_word(source: Source, position: int, end: str) -> tuple[Token, int]:
    """The unquoted word at `position`, and where it ends."""
    where = source.where(position)
    found = BARE.match(source.text, position)
    stop = found.end() if found else position
    if stop < len(source.text) and source.text[stop] == "\\":
        stop += 1  # a backslash that ends the text escapes nothing
    check_length(source, position, stop)
    if stop >= len(source.text):
        raise source.error(end, len(source.text))
    return Token(Kind.WORD, unescape(source.text[position:stop]), where), stop


def quoted_word(source: Source, position: int, end: str) -> tuple[Token, int]:
    """The quoted word at `position`, and where the text goes on after its quote."""
    where = source.where(position)
    quote = source.text[position]
    found = QUOTED[quote].match(source.text, position)
    if found is None:
        check_length(source, position, len(source.text), quote)
        hint = f"the string opened with {quote} at line {where.line}, column {where.column} is never closed"
        raise source.error(end, len(source.text), hint)
    check_length(source, position, found.end(), quote)
    stop = found.end()
    if stop >= len(source.text):
        raise source.error(end, stop)
    if source.text[stop] not in AFTER_QUOTE:
        hint = f"a closing {quote} must be followed by a space, ;, {{ or )"
        raise source.error(f'unexpected "{source.text[stop]}"', stop, hint)
    return Token(Kind.WORD, unescape(found[1]), where, quoted=True), stop


def check_length(source: Source, start: int, stop: int, quote: str = "") -> None:
    """Refuse a word longer than nginx reads: most often a quote or `;` is missing."""
    if stop - start <= LONGEST_WORD // 4:
        return
    raw = source.text[start:stop]
    if len(raw.encode("utf-8", "replace")) <= LONGEST_WORD:
        return
    if quote:
        raise source.error(f'too long parameter, probably missing terminating "{quote}" character', start)
    raise source.error(f'too long parameter "{raw[:10]}..." started', start)


def unescape(raw: str) -> str:
    """A word's text with nginx's escapes replaced."""
    if "\\" not in raw:
        return raw
    return ESCAPE.sub(lambda found: REPLACEMENT.get(found[1], found[1]), raw)
