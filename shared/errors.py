"""The errors of Penstock.

- PenstockError
    - ConfigError: a configuration that cannot be used; carries the place and prints it
    - StartError: the system refused something a start needs (a port, a file, a right)
"""

from __future__ import annotations

from .model.where import Where


class PenstockError(Exception):
    """The root of Penstock's own errors."""


class ConfigError(PenstockError):
    """A mistake in a configuration, with the place it is at and what would help."""

    def __init__(self, text: str, where: Where | None = None, hint: str = "", line: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.where = where
        self.hint = hint
        """One more sentence: the nearest known name, what was expected."""
        self.line = line
        """The source line, printed with a caret under `where.column`."""


class StartError(PenstockError):
    """The system refused something that a start or a reload needs; the text is one complete sentence."""

    def __init__(self, text: str, where: Where | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.where = where
