"""PostgreSQL's own ways: migrations by hand, a database that goes away and comes back."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from needs import requires
from ports import free_port
from postgres import Postgres

from penstock.master.store.base import NotReady, Unavailable, Write
from penstock.master.store.migrations import NEWEST
from penstock.master.store.postgres import PostgresStore, migrate, reset

pytestmark = requires("postgres")
NUMBERS = count(1)


def database(cluster: Postgres) -> str:
    return cluster.create(f"own{next(NUMBERS)}")


def test_without_a_schema_it_says_what_to_run(postgres: Postgres) -> None:
    with pytest.raises(NotReady, match=r'run "penstock migrations bootstrap"'):
        asyncio.run(PostgresStore(database(postgres)).open())


def test_migrations_run_once_also_when_two_begin_at_the_same_time(postgres: Postgres) -> None:
    target = database(postgres)

    async def both() -> tuple[range, range]:
        return await asyncio.gather(migrate(target), migrate(target))

    assert sorted(map(len, asyncio.run(both()))) == [0, NEWEST]


def test_a_schema_from_the_future_is_refused(postgres: Postgres) -> None:
    target = database(postgres)
    asyncio.run(migrate(target))
    postgres.sql(target.rpartition("=")[2], "INSERT INTO schema_steps VALUES (99)")
    with pytest.raises(NotReady, match="schema 99"):
        asyncio.run(PostgresStore(target).open())
    with pytest.raises(NotReady, match="schema 99"):
        asyncio.run(migrate(target))


def test_a_reset_drops_everything(postgres: Postgres) -> None:
    target = database(postgres)
    asyncio.run(migrate(target))
    asyncio.run(reset(target))
    assert len(asyncio.run(migrate(target))) == NEWEST


def test_nobody_there_is_said_without_the_password() -> None:
    target = f"host=127.0.0.1 port={free_port()} user=u password=hush dbname=d"
    with pytest.raises(Unavailable) as caught:
        asyncio.run(PostgresStore(target).open())
    assert "refused" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_database_that_was_away_is_heard_again() -> None:
    async def check(cluster: Postgres, target: str) -> None:
        store = PostgresStore(target)
        await store.open()
        versions: asyncio.Queue[int] = asyncio.Queue()
        reasons: asyncio.Queue[str] = asyncio.Queue()
        store.watch(versions.put_nowait, reasons.put_nowait)
        async with asyncio.timeout(40):
            assert (await reasons.get(), await versions.get()) == ("", 0)
            await store.write([Write("routes", "a", {"id": "a"})], 0)
            assert await versions.get() == 1
            await asyncio.to_thread(cluster.stop)
            assert await reasons.get() != ""
            with pytest.raises(Unavailable):
                await store.load()
            await asyncio.to_thread(cluster.start)
            while await reasons.get() != "":
                pass
            assert await versions.get() == 1  # read anew: a notice may have been lost
            assert await store.write([Write("routes", "b", {"id": "b"})], 1) == 2
            assert await versions.get() == 2
        await store.close()

    cluster = Postgres()  # one of its own, since it goes away
    try:
        cluster.start()
        target = cluster.create("away")
        asyncio.run(migrate(target))
        asyncio.run(check(cluster, target))
        cluster.stop()
    finally:
        cluster.remove()


def test_a_connection_that_the_database_closed_is_replaced_before_it_is_needed(postgres: Postgres) -> None:
    target = database(postgres)
    name = target.split("dbname=")[1]

    async def check() -> None:
        await migrate(target)
        store = PostgresStore(target)
        await store.open()
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '" + name + "'"
        assert await asyncio.to_thread(postgres.sql, "postgres", ended) == "1\n"
        assert await store.write([Write("routes", "a", {"id": "a"})], 0) == 1
        await store.close()

    asyncio.run(check())
