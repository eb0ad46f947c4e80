"""The schema, as numbered steps that are run forward. A schema from the future is refused.

The same steps serve both databases: TEXT, BIGINT and DOUBLE PRECISION are words that each of them knows.
"""

from __future__ import annotations

from typing import Final

STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        "CREATE TABLE entities (kind TEXT NOT NULL, id TEXT NOT NULL, age BIGINT NOT NULL, body TEXT NOT NULL,"
        " PRIMARY KEY (kind, id))",
        "CREATE TABLE changes (version BIGINT NOT NULL, place BIGINT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,"
        " body TEXT, PRIMARY KEY (version, place))",
        "CREATE TABLE state (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
        "INSERT INTO state (name, value) VALUES ('version', 0), ('oldest', 0)",
        "CREATE TABLE nodes (id TEXT PRIMARY KEY, hostname TEXT NOT NULL, program TEXT NOT NULL,"
        " version BIGINT NOT NULL, seen DOUBLE PRECISION NOT NULL)",
    ),
)
"""Step n makes schema n out of schema n-1. `oldest` is the version that the log of changes begins after; `age` keeps
the order in which entities were made, which their times, in seconds, do not tell."""

KEEP: Final = (
    "INSERT INTO entities (kind, id, age, body) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body"
)
"""Makes or changes an entity, in SQLite's spelling; one that is changed keeps its age."""
EVERY: Final = "SELECT kind, body FROM entities ORDER BY kind, age, id"
PLACES: Final = 1_000_000
"""Ages in one version."""


def age(version: int, place: int) -> int:
    """The age of what a version brings at a place."""
    return version * PLACES + min(place, PLACES - 1)


TABLES: Final = ("entities", "changes", "state", "nodes", "schema_steps")
LEDGER: Final = "CREATE TABLE IF NOT EXISTS schema_steps (number BIGINT PRIMARY KEY)"
NEWEST: Final = len(STEPS)


def pending(done: int) -> range:
    """The numbers of the steps that are to be run."""
    return range(done + 1, NEWEST + 1)


def problem(done: int, where: str) -> str:
    """Why a store of schema `done` cannot be used; empty when it can."""
    if done == NEWEST:
        return ""
    if done > NEWEST:
        return f"{where} has schema {done}, and this program knows no later one than {NEWEST}; use a newer Penstock"
    if done == 0:
        return f'{where} has no schema; run "penstock migrations bootstrap"'
    return f'{where} has schema {done} where {NEWEST} is due; run "penstock migrations up"'
