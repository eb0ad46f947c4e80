"""Reads a configuration file, and what it includes, into a Tree.

Nothing is known here of what directives mean, except `include`, which is replaced by what it names. The table is
asked only where `{` and `}` would be misread without it: which directives have no block, and in which blocks (`map`,
`geo`) the lines are values. Files are read by callables of the caller's.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from typing import Final

from ..errors import ConfigError
from ..model.stream import SourceFile
from ..model.where import Where
from .lexer import Kind, Lexer, Token
from .plain import STATEMENT, PlainDirective
from .report import COMMAND_LINE, attach
from .table.spec import expected
from .table.table import find, free_form
from .tree import Directive, Tree, Word

Read = Callable[[str], str]
"""A file's text; raises OSError, or UnicodeDecodeError for what is no text."""
Glob = Callable[[str], list[str]]
"""The paths that match a pattern."""

DEEPEST_INCLUDE: Final = 32
DEEPEST_BLOCK: Final = 32
"""The language itself nests four deep; this is against a file that would exhaust the stack."""
WILDCARDS: Final = "*?["


def parse(path: str, read: Read, glob: Glob, base: str, text: str | None = None, enclosing: str = "") -> Tree:
    """The file at `path`, which is read unless its `text` is given; includes are relative to `base`.

    What is in it stands inside the block named `enclosing`.

    Raises ConfigError, with the source line, for a file that cannot be read or parsed.
    """
    return Parser(read, glob, base).run(path, text, enclosing)


def parse_parameters(text: str, read: Read, glob: Glob, base: str) -> Tree:
    """The directives of `-g`; blocks are not possible there. `files` holds only what they include."""
    parser = Parser(read, glob, base)
    try:
        return parser.tree(parser.parameters(text))
    except ConfigError as error:
        attach(error, (*parser.sources(), SourceFile(COMMAND_LINE, text)))
        raise


def merged(parameters: Tree, file: Tree) -> Tree:
    """One tree of what `-g` gave and the file; both are one context, as in nginx, so duplicates are mistakes."""
    known = {source.path for source in file.files}
    extra = tuple(source for source in parameters.files if source.path not in known)
    return Tree(parameters.directives + file.directives, file.files + extra)


class Parser:
    """One run over a file and its includes."""

    def __init__(self, read: Read, glob: Glob, base: str) -> None:
        self.read = read
        self.glob = glob
        self.base = base
        self.texts: dict[str, str] = {}
        """Every file read, by path, in the order read."""
        self.reading: list[str] = []
        """The files that are open, outermost first."""

    def run(self, path: str, text: str | None, enclosing: str = "") -> Tree:
        """The main file's tree."""
        if text is not None:
            self.texts[path] = text
        try:
            return self.tree(self.file(path, None, enclosing, 0))
        except ConfigError as error:
            attach(error, self.sources())
            raise

    def sources(self) -> tuple[SourceFile, ...]:
        """The files read so far."""
        return tuple(SourceFile(path, text) for path, text in self.texts.items())

    def tree(self, directives: tuple[Directive, ...]) -> Tree:
        """The finished tree."""
        return Tree(directives, self.sources())

    def parameters(self, text: str) -> tuple[Directive, ...]:
        """What `-g` gives."""
        end = 'unexpected end of parameter, expecting ";"'
        body = Body(self, Lexer(text, COMMAND_LINE, end), end, "", 0, parameters=True)
        return body.directives(None)

    def file(self, path: str, include: Word | None, enclosing: str, depth: int) -> tuple[Directive, ...]:
        """The directives of one file, standing inside the block named `enclosing`."""
        text = self.text_of(path, include)
        self.reading.append(posixpath.normpath(path))
        body = Body(self, Lexer(text, path), 'unexpected end of file, expecting ";" or "}"', enclosing, depth)
        directives = body.directives(None)
        self.reading.pop()
        return directives

    def text_of(self, path: str, include: Word | None) -> str:
        """A file's text, read once."""
        where = include.where if include else None
        if path not in self.texts:
            try:
                self.texts[path] = self.read(path)
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno else str(error)
                raise ConfigError(f'open() "{path}" failed ({error.errno or 0}: {reason})', where) from error
            except UnicodeDecodeError as error:
                raise ConfigError(f'"{path}" is not a text in UTF-8', where) from error
        return self.texts[path]

    def include(self, words: list[Token], enclosing: str, depth: int) -> tuple[Directive, ...]:
        """What stands in the place of `include`."""
        if len(words) != 2:
            raise ConfigError('invalid number of arguments in "include" directive', words[0].where)
        word = word_of(words[1])
        pattern = posixpath.join(self.base, word.text)
        literal = not any(mark in word.text for mark in WILDCARDS)
        found: list[Directive] = []
        for path in [pattern] if literal else sorted(self.glob(pattern)):
            if posixpath.normpath(path) in self.reading:
                raise ConfigError(f'"{path}" includes itself', word.where, cycle(self.reading, path))
            if len(self.reading) > DEEPEST_INCLUDE:
                raise ConfigError(f"files include each other more than {DEEPEST_INCLUDE} deep", word.where)
            found += self.file(path, word, enclosing, depth)
        return tuple(found)


class Body:
    """The inside of a file or block: directives up to its end."""

    def __init__(
        self, parser: Parser, lexer: Lexer, end: str, name: str, depth: int, *, parameters: bool = False
    ) -> None:
        self.parser = parser
        self.lexer = lexer
        self.end = end
        """The complaint about a text that stops inside a directive."""
        self.name = name
        """The block's name, empty in the main context."""
        self.depth = depth
        self.parameters = parameters
        free = free_form(name)
        self.values = free is not None
        self.includes = free is None or free.includes
        self.nests = free is not None and free.nests
        self.blocks = (free is None or free.nests) and not parameters and depth < DEEPEST_BLOCK
        """Whether there may be any."""

    def directives(self, opening: Where | None) -> tuple[Directive, ...]:
        """Everything up to the `}` that matches `opening`, or up to the end of the text where that is None."""
        found: list[Directive] = []
        words: list[Token] = []
        self.read_plain(found)
        for token in self.lexer:
            if token.kind is Kind.WORD:
                words.append(token)
                continue
            if token.kind in (Kind.CLOSE, Kind.END):
                self.check_end(token, words, opening)
                break
            if not words:
                raise ConfigError(f'unexpected "{token.text}"', token.where)
            if token.kind is Kind.OPEN:
                found.append(self.block(words, token))
            else:
                found += self.simple(words)
            words = []
            self.read_plain(found)
        return tuple(found)

    def read_plain(self, found: list[Directive]) -> None:
        """Read on as long as directives are plain, and nothing has to be said of them here."""
        source, position = self.lexer.source, self.lexer.position
        text = source.text
        match = STATEMENT.match
        held: set[str] = set()
        """Names of blocks that were found to be right here."""
        while statement := match(text, position):
            head, body = statement.groups()
            directive = PlainDirective(head, body, source, statement.start(1))
            if body is None:
                if directive.name == "include":
                    break
            elif "include" in body or not (directive.name in held or self.may_hold(directive.name)):
                break
            else:
                held.add(directive.name)
            found.append(directive)
            position = statement.end()
        self.lexer.position = position

    def may_hold(self, name: str) -> bool:
        """Whether a plain block of that name may stand here as it is."""
        if not self.blocks or name == "include":
            return False
        spec = None if self.nests else find(name, self.name or "main")
        return spec is None or spec.block

    def simple(self, words: list[Token]) -> tuple[Directive, ...]:
        """A simple directive, or what an `include` stands for."""
        if words[0].text == "include" and self.includes and (len(words) == 2 or not self.values):
            return self.parser.include(words, self.name, self.depth)
        return (Directive(words[0].text, tuple(map(word_of, words[1:])), words[0].where),)

    def block(self, words: list[Token], token: Token) -> Directive:
        """A block with what is in it."""
        name = words[0]
        if self.values and not self.nests:
            raise ConfigError('unexpected "{"', token.where, f'the lines of "{self.name}" are values, not blocks')
        if self.parameters:
            raise ConfigError("block directives are not supported in -g option", token.where)
        spec = None if self.nests else find(name.text, self.name or "main")
        if spec is not None and not spec.block:
            # said here and not by `check`, since the braces of such a file seldom match
            raise ConfigError(f'directive "{name.text}" is not terminated by ";"', name.where, expected(spec))
        if self.depth >= DEEPEST_BLOCK:
            raise ConfigError(f"blocks are nested more than {DEEPEST_BLOCK} deep", name.where)
        inside = self.name if self.nests else name.text
        body = Body(self.parser, self.lexer, self.end, inside, self.depth + 1)
        return Directive(name.text, tuple(map(word_of, words[1:])), name.where, body.directives(name.where))

    def check_end(self, token: Token, words: list[Token], opening: Where | None) -> None:
        """Whether a `}` or the end of the text may stand where it does."""
        if words:
            hint = f'a ";" is missing after "{words[-1].text}" in line {words[-1].where.line}'
            raise ConfigError('unexpected "}"' if token.kind is Kind.CLOSE else self.end, token.where, hint)
        if token.kind is Kind.CLOSE and opening is None:
            raise ConfigError('unexpected "}"', token.where, "no block is open here")
        if token.kind is Kind.END and opening is not None:
            hint = f'the block "{self.name}" opened in line {opening.line} is not closed'
            raise ConfigError('unexpected end of file, expecting "}"', token.where, hint)


def word_of(token: Token) -> Word:
    """An argument."""
    return Word(token.text, token.where, token.quoted)


def cycle(reading: list[str], path: str) -> str:
    """The way from a file back to itself, as a hint."""
    start = reading.index(posixpath.normpath(path))
    return " includes ".join((*reading[start:], path))
