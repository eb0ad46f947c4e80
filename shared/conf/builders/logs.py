"""`log_format` and `access_log`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from ...errors import ConfigError
from ...logformat import compile_log_format
from ...model.log import AccessLog, OpenLogFiles
from ...template import Template, UnknownVariable, constant, has_variables
from .. import values
from ..suggest import nearest
from ..tree import Directive, Word
from .context import Context
from .scope import Scope
from .syslog import PREFIX, build_syslog

ESCAPINGS: Final = ("default", "json", "none")
LAST_VARIABLE: Final = re.compile(r"\$([A-Za-z0-9_]+)\Z")
GZIP_BUFFER: Final = 65536
"""`gzip` without `buffer=`."""
GZIP_LEVEL: Final = 1
BASIC_NAME: Final = "basic"
BASIC: Final = "$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received $session_time"
"""Kong's format of streams."""
CACHE_PARAMETERS: Final[Mapping[str, tuple[str, Callable[[Word, str], float]]]] = {
    "max": ("most", values.number),
    "inactive": ("inactive", values.whole_seconds),
    "valid": ("valid", values.whole_seconds),
    "min_uses": ("min_uses", values.number),
}
"""The fields of `open_log_file_cache` by their parameters."""


def log_formats(scope: Scope, context: Context) -> dict[str, Template]:
    """Every `log_format` of `stream {}`, compiled; `basic` is there also where nobody wrote it."""
    formats: dict[str, Template] = {}
    for directive in scope.own("log_format"):
        word = directive.words[0]
        if word.text in formats:
            raise ConfigError(f'duplicate "log_format" name "{word.text}"', directive.where)
        formats[word.text] = log_format(directive, context)
    formats.setdefault(BASIC_NAME, compile_log_format(BASIC, "default", context.lookup))
    return formats


def log_format(directive: Directive, context: Context) -> Template:
    """One `log_format`: its words are joined without anything between them."""
    words = directive.words[1:]
    escape = "default"
    if words and not words[0].quoted and words[0].text.startswith("escape="):
        escape = words[0].text.removeprefix("escape=")
        if escape not in ESCAPINGS:
            hint = "expected one of: " + ", ".join(ESCAPINGS)
            raise ConfigError(f'unknown log format escaping "{escape}"', words[0].where, hint)
        words = words[1:]
    # A variable ends with its word, whatever the next one begins with
    text = "".join(
        [*(LAST_VARIABLE.sub(r"${\1}", word.text) for word in words[:-1]), *(word.text for word in words[-1:])]
    )
    try:
        return compile_log_format(text, escape, context.lookup)
    except UnknownVariable as unknown:
        raise context.unknown_variable(unknown, directive.words[0].where) from None


def access_logs(scope: Scope, context: Context) -> tuple[AccessLog, ...]:
    """The logs of the nearest block that has any `access_log`; none where that says `off`."""
    found = scope.all("access_log")
    open_files = open_log_files(scope)
    logs = []
    off = False
    for directive in found:
        if directive.words[0].text == "off":
            if len(directive.words) > 1:
                raise invalid_parameter(directive.words[1])
            off = True
        else:
            log = access_log(directive, context)
            logs.append(replace(log, open_files=open_files) if log.path.constant is None else log)
    return () if off else tuple(logs)


def access_log(directive: Directive, context: Context) -> AccessLog:
    """One `access_log` that is not `off`."""
    word, *rest = directive.words
    if not rest:
        raise ConfigError("log format is not specified", directive.where, "access_log FILE FORMAT")
    syslog = build_syslog(word, context) if word.text.startswith(PREFIX) else None
    log = AccessLog(
        path=constant("") if syslog else log_path(word, context),
        line=known_format(rest[0], context),
        syslog=syslog,
        where=directive.where,
        **parameters(rest[1:], context),
    )
    check_buffering(log, word)
    return consistent(log, word, context)


def open_log_files(scope: Scope) -> OpenLogFiles | None:
    """`open_log_file_cache`; None where it is off."""
    directive = scope.one("open_log_file_cache")
    if directive is None:
        return None
    fields: dict[str, Any] = {}
    off = False
    for word in directive.words:
        name, equals, value = word.text.partition("=")
        if word.text == "off":
            off = True
        elif not equals or name not in CACHE_PARAMETERS:
            raise invalid_cache(word)
        else:
            field, read = CACHE_PARAMETERS[name]
            try:
                fields[field] = read(Word(value, word.where), "")
            except ConfigError:
                raise invalid_cache(word) from None
    if off:
        return None
    if not fields.get("most"):
        raise ConfigError('"open_log_file_cache" must have "max" parameter', directive.where)
    return OpenLogFiles(**fields, where=directive.where)


def invalid_cache(word: Word) -> ConfigError:
    """nginx's sentence."""
    return ConfigError(f'invalid "open_log_file_cache" parameter "{word.text}"', word.where)


def log_path(word: Word, context: Context) -> Template:
    """A path under the prefix, unless it begins with a variable, which may give an absolute one."""
    text = word.text if word.text.startswith("$") else context.under_prefix(word.text)
    return context.compile(text, word.where)


def known_format(word: Word, context: Context) -> Template:
    """The format of a name."""
    line = context.formats.get(word.text)
    if line is None:
        near = nearest(word.text, context.formats)
        raise ConfigError(f'unknown log format "{word.text}"', word.where, f'did you mean "{near}"?' if near else "")
    return line


def parameters(words: list[Word], context: Context) -> dict[str, Any]:
    """`buffer= flush= gzip[=] if=`."""
    fields: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.text.partition("=")
        if equals and name == "buffer":
            fields["buffer"] = buffer_size(word, value)
        elif equals and name == "flush":
            fields["flush"] = flush_time(word, value)
        elif name == "gzip":
            fields["gzip"] = gzip_level(word, value) if equals else GZIP_LEVEL
        elif equals and name == "if":
            fields["condition"] = context.compile(value, word.where)
        else:
            raise invalid_parameter(word)
    if fields.get("gzip"):
        fields.setdefault("buffer", GZIP_BUFFER)
    return fields


def check_buffering(log: AccessLog, word: Word) -> None:
    """Refuse a flush without a buffer, and buffers where nginx has none."""
    if log.flush is not None and not log.buffer:
        raise ConfigError(f'no buffer is defined for access_log "{word.text}"', log.where)
    if log.buffer and log.syslog:
        raise ConfigError("logs to syslog cannot be buffered", log.where)
    if log.buffer and has_variables(word.text):
        raise ConfigError("buffered logs cannot have variables in name", log.where)


def consistent(log: AccessLog, word: Word, context: Context) -> AccessLog:
    """Let every use of a file agree on its buffer: one that names none takes the file's."""
    path = log.path.constant
    if not path:
        return log
    first = context.logs.get(path)
    if first is None or not first.buffer:
        context.logs[path] = log
        return log
    if not log.buffer:
        return replace(log, buffer=first.buffer, flush=first.flush, gzip=first.gzip)
    if (first.buffer, first.flush, first.gzip) != (log.buffer, log.flush, log.gzip):
        text = f'access_log "{word.text}" already defined with conflicting parameters'
        raise ConfigError(text, log.where, f"it is first used at {first.where}")
    return log


def buffer_size(word: Word, value: str) -> int:
    """`buffer=SIZE`."""
    try:
        size = values.size(Word(value, word.where))
    except ConfigError:
        size = 0
    if not size:
        raise ConfigError(f'invalid buffer size "{value}"', word.where)
    return size


def flush_time(word: Word, value: str) -> float:
    """`flush=TIME`."""
    try:
        seconds = values.time(Word(value, word.where))
    except ConfigError:
        seconds = 0.0
    if not seconds:
        raise ConfigError(f'invalid flush time "{value}"', word.where)
    return seconds


def gzip_level(word: Word, value: str) -> int:
    """`gzip=1` to `gzip=9`."""
    if value not in tuple("123456789"):
        raise ConfigError(f'invalid compression level "{value}"', word.where)
    return int(value)


def invalid_parameter(word: Word) -> ConfigError:
    """nginx's sentence."""
    return ConfigError(f'invalid parameter "{word.text}"', word.where)
