"""Mistakes as sentences: one line for a log, and what a terminal gets."""

from __future__ import annotations

from ..shared.conf.report import one_line, report
from ..shared.errors import ConfigError, StartError
from ..shared.model.stream import Notice


def sentence(error: ConfigError | StartError | OSError | Notice) -> str:
    """One line, with the place where there is one."""
    if isinstance(error, StartError):
        return one_line(ConfigError(error.text, error.where))
    if isinstance(error, OSError):
        return f"{error.strerror} ({error.errno})"
    return one_line(error)


def explanation(error: ConfigError | StartError) -> str:
    """What a person at a terminal gets: for a mistake in a file, its line with a caret too."""
    return report(error) if isinstance(error, ConfigError) else sentence(error)
