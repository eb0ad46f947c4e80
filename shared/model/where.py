"""Where something is written in a configuration."""

from __future__ import annotations

from typing import NamedTuple


class Where(NamedTuple):
    """A place in a configuration file; lines and columns count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


NOWHERE = Where("<none>", 0, 0)
