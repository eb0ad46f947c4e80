"""A mistake in a configuration as text: for a terminal with the line and a caret, and as one line for the log."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from unicodedata import combining, east_asian_width

from ..errors import ConfigError
from ..model.stream import Notice, SourceFile
from ..model.where import NOWHERE, Where

COMMAND_LINE: Final = "command line"
"""The file name of what `-g` gives: it has no lines, nginx's errors say `in command line`."""
WIDEST: Final = 120
"""Columns of a source line that are shown; a longer one is cut around the place that is meant."""
BEFORE: Final = 60
PASSWORD: Final = re.compile(
    r"""(password\s*=\s*)('(?:\\.|[^'\\])*'?|[^\s"';]+)|(://[^\s:/@"']*:)([^\s"'@]+)(?=@)""", re.IGNORECASE
)
"""A password in libpq's connection text or in a URL: a line that is shown may end up in somebody's log."""


def report(error: ConfigError) -> str:
    """`file:line:column: text`, then the source line with a caret and the hint where known; no newline ends it."""
    lines = [f"{place(error.where)}{error.text}"]
    if error.where and error.line:
        lines += excerpt(error.line, error.where.column)
    if error.hint:
        lines.append(error.hint)
    return "\n".join(lines)


def one_line(error: ConfigError | Notice) -> str:
    """nginx's form for a log: `text in /path/file:12`."""
    where = error.where
    if where is None or where == NOWHERE:
        return printable(error.text)
    if where.file != COMMAND_LINE:
        return printable(f"{error.text} in {where}")
    return printable(f"{error.text} in {where.file}")


def attach(error: ConfigError, files: Iterable[SourceFile]) -> None:
    """Give `error` its source line, if one of `files` holds it and it has none yet."""
    if error.line or error.where is None:
        return
    for file in files:
        if file.path == error.where.file:
            lines = file.text.split("\n")
            if 1 <= error.where.line <= len(lines):
                error.line = lines[error.where.line - 1].rstrip("\r")
            return


def place(where: Where | None) -> str:
    """`file:line:column: `, or nothing."""
    if where is None or where == NOWHERE:
        return ""
    return f"{where.file}:{where.line}:{where.column}: "


def excerpt(line: str, column: int) -> list[str]:
    """The source line without passwords, cut to what a terminal shows, and a caret under `column`."""
    line = PASSWORD.sub(lambda found: (found[1] or found[3]) + "*" * len(found[2] or found[4]), line)
    start = 0 if len(line) <= WIDEST else max(0, column - 1 - BEFORE)
    shown = printable(line[start : start + WIDEST])
    before = shown[: max(0, column - 1 - start)]
    padding = "".join("\t" if character == "\t" else " " * width(character) for character in before)
    return [f"    {shown}", f"    {padding}^"]


def width(character: str) -> int:
    """Columns that a character takes on a terminal."""
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in ("W", "F") else 1


def printable(text: str) -> str:
    """The text without what would move a terminal's cursor."""
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
