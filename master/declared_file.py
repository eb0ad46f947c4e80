"""`declarative_config`: the document that a node without a database begins with."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ..shared.entities.changes import FileRecord
from ..shared.entities.declarative import Declared, declare
from ..shared.entities.plugins import Descriptions
from ..shared.entities.violation import Violation
from ..shared.entities.yaml_text import parse
from ..shared.errors import StartError
from ..shared.model.where import Where

LARGEST: Final = 256 * 2**20
"""Bytes; 100,000 routes have about 30 MB."""


def read_declared(
    path: str, descriptions: Descriptions, file: Iterable[FileRecord] = (), where: Where | None = None
) -> Declared:
    """What a file declares; raises StartError with all that is wrong with it."""
    text = read_text(path, where)
    try:
        return declare(parse(text), time.time, descriptions, file)
    except Violation as wrong:
        raise StartError(f'"{path}": {"; ".join(mistakes(wrong))}', where) from wrong


def read_text(path: str, where: Where | None = None) -> str:
    """The text of a file; raises StartError."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise StartError(f'"{path}" is larger than {LARGEST} bytes', where)
        return content.decode("utf-8")
    except OSError as error:
        raise StartError(f'open() "{path}" failed ({error.errno}: {error.strerror})', where) from error
    except UnicodeDecodeError as error:
        raise StartError(f'"{path}" is not UTF-8', where) from error


def mistakes(wrong: Violation) -> Iterator[str]:
    """What is wrong with a document: the place in it, counted from one, and the sentence."""
    yield from _mistakes("", wrong.fields or {"error": wrong.message})


def _mistakes(place: str, error: Any) -> Iterator[str]:
    if isinstance(error, dict):
        for key, below in error.items():
            yield from _mistakes(f"{place}.{key}" if place else str(key), below)
    elif isinstance(error, list | tuple):
        for number, below in enumerate(error, 1):
            if below is not None:
                yield from _mistakes(f"{place}[{number}]", below)
    else:
        yield f"in '{place}': {error}"
