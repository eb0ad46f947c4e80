"""PostgreSQL: the store that several nodes share.

Writes of all nodes are put in a row by a lock on the version's line. Nodes hear of them over LISTEN/NOTIFY on a
connection of its own; since a notice may be lost with that connection, the version is read each time it stands anew.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from .base import (
    KEPT_VERSIONS,
    TOGETHER,
    Loaded,
    Node,
    NotReady,
    Stale,
    StoreError,
    Unavailable,
    Write,
    from_many_rows,
    from_text,
    to_text,
)
from .migrations import EVERY, KEEP, LEDGER, STEPS, TABLES, age, pending, problem
from .resolving import with_addresses

if TYPE_CHECKING:
    from psycopg import AsyncConnection

CHANNEL: Final = "penstock"
CONNECT_TIMEOUT: Final = 5
"""Seconds."""
STATEMENT_TIMEOUT: Final = 10.0
"""Seconds that one exchange with the database may take, before the connection is thrown away."""
PER_WRITE: Final = 0.001
"""and for each document that is written more: 100,000 take 8 s on a busy machine."""
LOAD_TIMEOUT: Final = 60.0
"""Seconds for reading everything."""
AGAIN: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before the next attempts to listen; the last one holds for those after."""
ALIVE: Final = 15.0
"""Seconds without a notice after which the listening connection is asked something: it may have died in silence."""
LOCK: Final = 0x70656E73746F636B
"""The advisory lock of migrations: "penstock" as a number."""
NO_DRIVER: Final = 'the package "psycopg" is missing: pip install "penstock[postgres]"'


class PostgresStore:
    """See the module."""

    kind = "postgres"

    def __init__(self, target: str) -> None:
        self._target = target
        self._connection: AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect and check the schema."""
        async with self._session() as connection:
            done = await schema_of(connection)
        if text := problem(done, "the PostgreSQL database"):
            await self.close()
            raise NotReady(text)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def load(self) -> Loaded:
        """Everything, as of one moment."""
        async with self._session("REPEATABLE READ", LOAD_TIMEOUT) as connection:
            version = await state(connection, "version")
            cursor = await connection.execute(EVERY)
            rows = await cursor.fetchall()
        return Loaded(version, tuple(await from_many_rows(rows)))

    async def since(self, version: int) -> tuple[int, tuple[Write, ...]] | None:
        """What changed after a version."""
        async with self._session("REPEATABLE READ") as connection:
            now = await state(connection, "version")
            if version < await state(connection, "oldest") or version > now:
                return None
            cursor = await connection.execute(
                "SELECT kind, id, body FROM changes WHERE version > %s ORDER BY version, place", (version,)
            )
            rows = await cursor.fetchall()
        found: list[Write] = []
        for kind, identity, body in rows:
            found.append(Write(kind, identity, None if body is None else from_text(body)))
            if len(found) % TOGETHER == 0:
                await asyncio.sleep(0)  # the turns of others
        return now, tuple(found)

    async def write(self, writes: Sequence[Write], expected: int) -> int:
        """Write all or nothing."""
        texts = [(each, None if each.document is None else to_text(each.document)) for each in writes]
        async with self._session(seconds=STATEMENT_TIMEOUT + PER_WRITE * len(writes)) as connection:
            cursor = await connection.execute("SELECT value FROM state WHERE name = 'version' FOR UPDATE")
            now = number(await cursor.fetchone())
            if now != expected:
                raise Stale(now)
            version = now + 1
            async with connection.cursor() as many:
                await many.executemany(
                    KEEP.replace("?", "%s"),
                    [
                        (each.kind, each.id, age(version, place), text)
                        for place, (each, text) in enumerate(texts)
                        if text is not None
                    ],
                )
                await many.executemany(
                    "DELETE FROM entities WHERE kind = %s AND id = %s",
                    [(each.kind, each.id) for each, text in texts if text is None],
                )
                await many.executemany(
                    "INSERT INTO changes (version, place, kind, id, body) VALUES (%s, %s, %s, %s, %s)",
                    [(version, place, each.kind, each.id, text) for place, (each, text) in enumerate(texts)],
                )
            await forget(connection, version - KEPT_VERSIONS)
            await connection.execute("UPDATE state SET value = %s WHERE name = 'version'", (version,))
            await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(version)))
        return version

    async def report(self, node: Node) -> None:
        """Note what a node serves."""
        async with self._session() as connection:
            await connection.execute(
                "INSERT INTO nodes (id, hostname, program, version, seen) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (id) DO UPDATE SET hostname = EXCLUDED.hostname, program = EXCLUDED.program,"
                " version = EXCLUDED.version, seen = EXCLUDED.seen",
                (node.id, node.hostname, node.program, node.version, node.seen),
            )

    async def nodes(self) -> tuple[Node, ...]:
        """The nodes that have reported."""
        async with self._session() as connection:
            cursor = await connection.execute("SELECT id, hostname, program, version, seen FROM nodes ORDER BY id")
            rows = await cursor.fetchall()
        return tuple(Node(*row) for row in rows)

    def watch(self, changed: Callable[[int], None], trouble: Callable[[str], None]) -> None:
        """Listen from now on, in a task that outlives the database's absences."""
        loop = asyncio.get_running_loop()
        self._listening = loop.create_task(self._listen(changed, trouble), name="listen to PostgreSQL")

    async def _listen(self, changed: Callable[[int], None], trouble: Callable[[str], None]) -> None:
        failures = 0
        while True:
            try:
                connection = await connect(self._target)
                try:
                    await connection.set_autocommit(True)
                    await connection.execute(f"LISTEN {CHANNEL}")
                    while True:
                        version = await asyncio.wait_for(state(connection, "version"), STATEMENT_TIMEOUT)
                        if failures >= 0:
                            trouble("")
                            failures = -1
                        changed(version)
                        async for _ in connection.notifies(timeout=ALIVE, stop_after=1):
                            pass
                finally:
                    await connection.close()
            except Exception as error:  # whatever it is, the connection is of no use any more
                trouble(str(error) if isinstance(error, StoreError) else described(error))
            failures = max(failures, 0)
            await asyncio.sleep(AGAIN[min(failures, len(AGAIN) - 1)])
            failures += 1

    @asynccontextmanager
    async def _session(
        self, isolation: str = "", seconds: float = STATEMENT_TIMEOUT
    ) -> AsyncIterator[AsyncConnection[Any]]:
        """The one connection, in a transaction; a broken one is thrown away."""
        async with self._lock:
            if self._connection is not None and dead(self._connection):
                await self._connection.close()
                self._connection = None
            if self._connection is None:
                self._connection = await connect(self._target)
            connection = self._connection
            try:
                async with asyncio.timeout(seconds), connection.transaction():
                    if isolation:
                        await connection.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
                    yield connection
            except StoreError:
                raise
            except Exception as error:
                self._connection = None
                await connection.close()
                raise Unavailable(described(error)) from error


def dead(connection: AsyncConnection[Any]) -> bool:
    """Whether the database has closed a connection meanwhile: nobody sends anything on one that rests but a goodbye."""
    if connection.closed:
        return True
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    return bool(look.poll(0))


async def connect(target: str) -> AsyncConnection[Any]:
    """A connection; raises Unavailable, StoreError when there is no driver."""
    try:
        from psycopg import AsyncConnection
    except ImportError:
        raise StoreError(NO_DRIVER) from None
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await AsyncConnection.connect(await with_addresses(target), application_name="penstock")
    except Exception as error:
        raise Unavailable(described(error)) from error


def described(error: BaseException) -> str:
    """A failure in one line; libpq's texts name host and user, never the password."""
    if isinstance(error, TimeoutError):
        return "the PostgreSQL database does not answer in time"
    return "the PostgreSQL database: " + (" ".join(str(error).split()) or type(error).__name__)


async def forget(connection: AsyncConnection[Any], oldest: int) -> None:
    """Cut the log of changes."""
    if oldest > 0:
        await connection.execute("DELETE FROM changes WHERE version <= %s", (oldest,))
        await connection.execute("UPDATE state SET value = %s WHERE name = 'oldest'", (oldest,))


async def schema_of(connection: AsyncConnection[Any]) -> int:
    """The number of the last step that was run; 0 before the first."""
    cursor = await connection.execute("SELECT to_regclass('schema_steps') IS NOT NULL")
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return 0
    cursor = await connection.execute("SELECT COALESCE(MAX(number), 0) FROM schema_steps")
    return number(await cursor.fetchone())


async def state(connection: AsyncConnection[Any], name: str) -> int:
    """One number of the table `state`."""
    cursor = await connection.execute("SELECT value FROM state WHERE name = %s", (name,))
    return number(await cursor.fetchone())


def number(row: Sequence[object] | None) -> int:
    """The only number of a row."""
    assert row is not None
    assert isinstance(row[0], int)
    return row[0]


async def migrate(target: str) -> range:
    """Run the steps that are due, in one transaction and under a lock, and give their numbers.

    Raises Unavailable, NotReady for a schema from the future.
    """
    connection = await connect(target)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            await connection.execute(LEDGER)
            done = await schema_of(connection)
            due = pending(done)
            for step in due:
                for statement in STEPS[step - 1]:
                    await connection.execute(statement.encode())
                await connection.execute("INSERT INTO schema_steps (number) VALUES (%s)", (step,))
    except Exception as error:
        raise Unavailable(described(error)) from error
    finally:
        await connection.close()
    if not due and (text := problem(done, "the PostgreSQL database")):
        raise NotReady(text)
    return due


async def reset(target: str) -> None:
    """Drop everything; raises Unavailable."""
    connection = await connect(target)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            for table in TABLES:
                await connection.execute(f"DROP TABLE IF EXISTS {table}".encode())
    except Exception as error:
        raise Unavailable(described(error)) from error
    finally:
        await connection.close()
