"""The store that a configuration names."""

from __future__ import annotations

from ...shared.model.operations import Database
from .base import Store
from .postgres import PostgresStore
from .sqlite import SqliteStore


def store_of(database: Database) -> Store | None:
    """The store, not open yet; None with `database off`."""
    if database.kind == "sqlite":
        return SqliteStore(database.target)
    if database.kind == "postgres":
        return PostgresStore(database.target)
    return None
