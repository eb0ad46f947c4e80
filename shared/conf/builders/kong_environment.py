"""The nine `KONG_*` variables of Kong's own stream tutorial, as the directives that they mean here.

Others of Kong's variables are left alone, as Kong leaves alone those that it does not know. A `PENSTOCK_*` variable
of the same meaning wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ...model.where import Where
from ..tree import Directive, Word

OFF: Final = "off"
LISTENS: Final = {"KONG_STREAM_LISTEN": ("stream", "stream_listen"), "KONG_ADMIN_LISTEN": ("main", "admin_listen")}
LOGS: Final = {
    "KONG_PROXY_ACCESS_LOG": ("stream", "access_log"),
    "KONG_PROXY_ERROR_LOG": ("main", "error_log"),
    "KONG_ADMIN_ACCESS_LOG": ("main", "admin_access_log"),
    "KONG_ADMIN_ERROR_LOG": ("main", "admin_error_log"),
}
POSTGRES: Final = {
    "KONG_PG_HOST": "host",
    "KONG_PG_PORT": "port",
    "KONG_PG_USER": "user",
    "KONG_PG_PASSWORD": "password",
    "KONG_PG_DATABASE": "dbname",
}
POSTGRES_DEFAULTS: Final = {"host": "127.0.0.1", "user": "kong", "dbname": "kong"}
"""Kong's own."""
OURS_ANYWAY: Final = frozenset({"reuseport", "bind", "http2", "deferred"})
"""Flags of Kong's listeners that are always so here, or about HTTP."""
FORMAT: Final = "basic"
"""Kong's access log format of streams."""


def kong_directives(environment: Mapping[str, str]) -> Iterator[tuple[str, Directive]]:
    """Contexts and directives, in a fixed order."""
    for variable, (context, name) in LISTENS.items():
        for entry in environment.get(variable, "").split(","):
            words = [word for word in entry.split() if word not in OURS_ANYWAY]
            if name == "admin_listen":  # a socket of the master's own, which has no backlog to tune
                words = [word for word in words if not word.startswith("backlog=")]
            if words and words != [OFF]:
                yield context, directive(variable, name, *words)
    for variable, (context, name) in LOGS.items():
        words = environment.get(variable, "").split()
        if name == "access_log" and len(words) == 1 and words[0] != OFF:
            words.append(FORMAT)
        if name == "error_log" and words == [OFF]:
            words = ["/dev/null", "emerg"]
        if words:
            yield context, directive(variable, name, *words)
    yield from database(environment)


def database(environment: Mapping[str, str]) -> Iterator[tuple[str, Directive]]:
    """`KONG_PG_*`: together one PostgreSQL."""
    given = {word: environment[variable] for variable, word in POSTGRES.items() if environment.get(variable)}
    if given:
        first = next(variable for variable in POSTGRES if environment.get(variable))
        text = " ".join(f"{word}={quoted(value)}" for word, value in {**POSTGRES_DEFAULTS, **given}.items())
        yield "main", directive(first, "database", "postgres", text)


def directive(variable: str, name: str, *words: str) -> Directive:
    """A directive that is written in a variable."""
    where = Where(variable, 1)
    return Directive(name, tuple(Word(word, where) for word in words), where)


def quoted(value: str) -> str:
    """A value of libpq's connection text (https://www.postgresql.org/docs/current/libpq-connect.html)."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
