"""`error_log`: files, the standard error, syslog, each with a level."""

from __future__ import annotations

from typing import Final

from ...errors import ConfigError
from ...model.log import ErrorLogTarget, Level
from ..suggest import nearest
from ..tree import Directive, Word
from .context import Context
from .scope import Scope
from .syslog import PREFIX, build_syslog

LEVELS: Final = {level.word: level for level in Level}
DEBUG_TOPICS: Final = frozenset(
    {"debug_core", "debug_alloc", "debug_mutex", "debug_event", "debug_http", "debug_mail", "debug_stream"}
)
STDERR: Final = "stderr"


def error_logs(scope: Scope, context: Context) -> tuple[ErrorLogTarget, ...]:
    """The targets of the nearest block that has any."""
    found = (error_log(directive, context) for directive in scope.all("error_log"))
    return tuple(target for target in found if target is not None)


def error_log(directive: Directive, context: Context) -> ErrorLogTarget | None:
    """One `error_log`; None for a memory buffer, which only a debugger could read."""
    word = directive.words[0]
    level = log_level(directive.words[1:])
    if word.text.startswith("memory:"):
        context.warn('"error_log memory:" is ignored', directive.where)
        return None
    if word.text.startswith(PREFIX):
        return ErrorLogTarget("", level, build_syslog(word, context), directive.where)
    path = word.text if word.text == STDERR else context.under_prefix(word.text)
    return ErrorLogTarget(path, level, where=directive.where)


def log_level(words: tuple[Word, ...]) -> Level:
    """The level; `error` where none is written. Several are allowed only among nginx's debug topics."""
    levels = [known_level(word) for word in words]
    if len(levels) > 1 and not all(word.text in DEBUG_TOPICS for word in words):
        raise ConfigError(f'duplicate log level "{words[1].text}"', words[1].where)
    return levels[0] if levels else Level.ERROR


def known_level(word: Word) -> Level:
    """One level's name."""
    if word.text in DEBUG_TOPICS:
        return Level.DEBUG
    level = LEVELS.get(word.text)
    if level is None:
        near = nearest(word.text, LEVELS)
        hint = f'did you mean "{near}"?' if near else "expected one of: " + ", ".join(LEVELS)
        raise ConfigError(f'invalid log level "{word.text}"', word.where, hint)
    return level
