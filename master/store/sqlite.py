"""SQLite: the store of one node, in a file of its own.

Write-ahead log and `synchronous=FULL`: what was acknowledged is on the disk, also after a power cut. Statements run in
the master's loop: they take microseconds to a few milliseconds (the disk's flush), and no more than LOCK_WAIT when
another program, such as `penstock config import`, holds the file.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from .base import KEPT_VERSIONS, Loaded, Node, NotReady, Stale, Unavailable, Write, from_rows, from_text, to_text
from .migrations import EVERY, KEEP, LEDGER, STEPS, TABLES, age, pending, problem

LOCK_WAIT: Final = 2.0
"""Seconds."""
LOOK: Final = 0.5
"""Seconds between two looks at whether another program has written."""
PRIVATE: Final = 0o077


class SqliteStore:
    """See the module."""

    kind = "sqlite"

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._look: asyncio.TimerHandle | None = None
        self._seen = 0

    async def open(self) -> None:
        """Open the file, make it where there is none, and bring its schema up to date."""
        if self._connection is not None:
            return
        with unavailable(self._path):
            connection = self._connection = self.connect()
            done = migrate(connection)
        if text := problem(done, f'database "{self._path}"'):
            connection.close()
            self._connection = None
            raise NotReady(text)

    def connect(self) -> sqlite3.Connection:
        """A new connection to the file, which is made where there is none; raises sqlite3.Error, OSError."""
        before = os.umask(PRIVATE)  # private keys are in it
        try:
            connection = sqlite3.connect(self._path, timeout=LOCK_WAIT, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            os.umask(before)
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    async def close(self) -> None:
        """Close the file."""
        if self._look is not None:
            self._look.cancel()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def load(self) -> Loaded:
        """Everything, as of one moment."""
        with unavailable(self._path), self._transaction("BEGIN") as connection:
            version = version_of(connection)
            rows = connection.execute(EVERY).fetchall()
        self._seen = version
        return Loaded(version, tuple(from_rows(rows)))

    async def since(self, version: int) -> tuple[int, tuple[Write, ...]] | None:
        """What changed after a version."""
        with unavailable(self._path), self._transaction("BEGIN") as connection:
            now = version_of(connection)
            if version < state(connection, "oldest") or version > now:
                return None
            rows = connection.execute(
                "SELECT kind, id, body FROM changes WHERE version > ? ORDER BY version, place", (version,)
            ).fetchall()
        self._seen = now
        return now, tuple(Write(kind, id_, None if body is None else from_text(body)) for kind, id_, body in rows)

    async def write(self, writes: Sequence[Write], expected: int) -> int:
        """Write all or nothing."""
        with unavailable(self._path), self._transaction("BEGIN IMMEDIATE") as connection:
            now = version_of(connection)
            if now != expected:
                raise Stale(now)
            version = now + 1
            texts = [(each, None if each.document is None else to_text(each.document)) for each in writes]
            connection.executemany(
                KEEP,
                [
                    (w.kind, w.id, age(version, place), text)
                    for place, (w, text) in enumerate(texts)
                    if text is not None
                ],
            )
            connection.executemany(
                "DELETE FROM entities WHERE kind = ? AND id = ?",
                [(each.kind, each.id) for each, text in texts if text is None],
            )
            connection.executemany(
                "INSERT INTO changes (version, place, kind, id, body) VALUES (?, ?, ?, ?, ?)",
                [(version, place, each.kind, each.id, text) for place, (each, text) in enumerate(texts)],
            )
            oldest = version - KEPT_VERSIONS
            if oldest > 0:
                connection.execute("DELETE FROM changes WHERE version <= ?", (oldest,))
                connection.execute("UPDATE state SET value = ? WHERE name = 'oldest'", (oldest,))
            connection.execute("UPDATE state SET value = ? WHERE name = 'version'", (version,))
        self._seen = version
        return version

    async def report(self, node: Node) -> None:
        """Note what this node serves."""
        with unavailable(self._path), self._transaction("BEGIN IMMEDIATE") as connection:
            connection.execute(
                "INSERT OR REPLACE INTO nodes (id, hostname, program, version, seen) VALUES (?, ?, ?, ?, ?)",
                (node.id, node.hostname, node.program, node.version, node.seen),
            )

    async def nodes(self) -> tuple[Node, ...]:
        """The nodes that have reported: this one, and those that it was."""
        with unavailable(self._path), self._transaction("BEGIN") as connection:
            rows = connection.execute("SELECT id, hostname, program, version, seen FROM nodes ORDER BY id").fetchall()
        return tuple(Node(*row) for row in rows)

    def watch(self, changed: Callable[[int], None], trouble: Callable[[str], None]) -> None:
        """Look from time to time whether another program has written to the file."""
        del trouble  # a file does not come and go
        loop = asyncio.get_running_loop()
        assert self._connection is not None
        last = -1  # what was written since this was read is news as well

        def look() -> None:
            nonlocal last
            if self._connection is None:
                return
            self._look = loop.call_later(LOOK, look)
            try:
                now = data_version(self._connection)
                if now == last:
                    return
                version = version_of(self._connection)
            except sqlite3.Error:
                return  # the next look, or the next write, will tell
            if version == self._seen:
                last = now
            else:  # and told again until it has been read
                changed(version)

        self._look = loop.call_later(LOOK, look)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        if connection is None:
            raise Unavailable(f'database "{self._path}" is not open')
        connection.execute(begin)
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def unavailable(path: str) -> Iterator[None]:
    """Tell SQLite's failures as what they are to the outside; nothing was written."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(f'database "{path}": {error}') from error


def migrate(connection: sqlite3.Connection) -> int:
    """Run the steps that are due, in one transaction, and give the schema's number."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(LEDGER)
        done = schema_of(connection)
        for number in pending(done):
            for statement in STEPS[number - 1]:
                connection.execute(statement)
            connection.execute("INSERT INTO schema_steps (number) VALUES (?)", (number,))
            done = number
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return done


def reset(path: str) -> None:
    """Drop everything; raises Unavailable."""
    with unavailable(path):
        connection = sqlite3.connect(path, timeout=LOCK_WAIT, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            for table in TABLES:
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute("COMMIT")
        finally:
            connection.close()


def schema_of(connection: sqlite3.Connection) -> int:
    """The number of the last step that was run."""
    (number,) = connection.execute("SELECT COALESCE(MAX(number), 0) FROM schema_steps").fetchone()
    assert isinstance(number, int)
    return number


def version_of(connection: sqlite3.Connection) -> int:
    """The version of what is stored."""
    return state(connection, "version")


def state(connection: sqlite3.Connection, name: str) -> int:
    """One number of the table `state`."""
    (value,) = connection.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
    assert isinstance(value, int)
    return value


def data_version(connection: sqlite3.Connection) -> int:
    """A number that changes when another connection has written (https://www.sqlite.org/pragma.html)."""
    (number,) = connection.execute("PRAGMA data_version").fetchone()
    assert isinstance(number, int)
    return number
