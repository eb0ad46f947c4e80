"""What a node knew last of a store that others share, in a file of its own: a restart while the store is away begins
with it.

It follows the versions that are in force here. A replica that could not be written is worth a line in the log and no
more: what serves is not held up for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from ...shared.entities.changes import Change
from .base import Loaded, Unavailable, from_rows, to_text
from .migrations import EVERY, KEEP, age
from .sqlite import SqliteStore, migrate, version_of


class Replica:
    """See the module."""

    def __init__(self, path: str, complain: Callable[[str], object]) -> None:
        self._path = path
        self._complain = complain
        self._connection: sqlite3.Connection | None = None

    def load(self) -> Loaded | None:
        """What was known last; None when nothing is."""
        try:
            connection = self._open()
            version = version_of(connection)
            rows = connection.execute(EVERY).fetchall()
        except (sqlite3.Error, OSError, Unavailable) as error:
            self._complain(f'the replica "{self._path}" cannot be read: {error}')
            return None
        return Loaded(version, tuple(from_rows(rows))) if version else None

    def replace(self, loaded: Loaded) -> None:
        """The store was read as a whole."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM entities")
            connection.executemany(
                KEEP,
                [
                    (kind, document["id"], age(0, place), to_text(document))
                    for place, (kind, document) in enumerate(loaded.documents)
                ],
            )

        self._write(write, loaded.version)

    def keep(self, changes: Sequence[Change], version: int) -> None:
        """Changes are in force."""

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                KEEP,
                [
                    (each.kind, each.id, age(version, place), to_text(each.after))
                    for place, each in enumerate(changes)
                    if each.after is not None
                ],
            )
            connection.executemany(
                "DELETE FROM entities WHERE kind = ? AND id = ?",
                [(each.kind, each.id) for each in changes if each.after is None],
            )

        self._write(write, version)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, write: Callable[[sqlite3.Connection], None], version: int) -> None:
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                write(connection)
                connection.execute("UPDATE state SET value = ? WHERE name = 'version'", (version,))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError, Unavailable) as error:
            self._complain(f'the replica "{self._path}" cannot be written: {error}')

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = SqliteStore(self._path).connect()
            connection.execute("PRAGMA synchronous=NORMAL")
            migrate(connection)
            self._connection = connection
        return self._connection
