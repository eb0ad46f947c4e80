"""What every store does, whichever it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import MappingProxyType

import pytest

from penstock.master.store import base
from penstock.master.store.base import Node, Stale, Store, Write
from penstock.master.store.opening import store_of
from penstock.master.store.postgres import PostgresStore
from penstock.master.store.sqlite import SqliteStore
from penstock.shared.model.operations import Database

Opener = Callable[[], SqliteStore | PostgresStore]


def route(number: int, **fields: object) -> Write:
    return Write("routes", f"r{number}", {"id": f"r{number}", "name": f"name-{number}", **fields})


@asynccontextmanager
async def opened(opener: Opener, count: int = 1) -> AsyncIterator[list[Store]]:
    async with AsyncExitStack() as stack:
        stores: list[Store] = []
        for _ in range(count):
            store = opener()
            stack.push_async_callback(store.close)
            await store.open()
            stores.append(store)
        yield stores


def test_a_configuration_names_its_store() -> None:
    assert isinstance(store_of(Database("sqlite", "/x")), SqliteStore)
    assert isinstance(store_of(Database("postgres", "host=x")), PostgresStore)
    assert store_of(Database()) is None


def test_a_new_store_is_empty(opener: Opener) -> None:
    async def check() -> None:
        async with opened(opener) as (store,):
            loaded = await store.load()
            assert (loaded.version, loaded.documents) == (0, ())
            assert await store.since(0) == (0, ())

    asyncio.run(check())


def test_what_is_written_is_there_for_who_opens_it_later(opener: Opener) -> None:
    frozen = MappingProxyType({"ip": "10.0.0.1"})

    async def check() -> None:
        async with opened(opener) as (store,):
            assert await store.write([route(1, sources=[frozen], text="ü\n'\"%s"), route(2)], 0) == 1
            assert await store.write([Write("routes", "r2", None), route(1, name="new")], 1) == 2
        async with opened(opener) as (store,):
            loaded = await store.load()
            assert loaded.version == 2
            assert loaded.documents == (("routes", {"id": "r1", "name": "new"}),)

    asyncio.run(check())


def test_changes_can_be_followed(opener: Opener) -> None:
    async def check() -> None:
        async with opened(opener, 2) as (one, other):
            await one.write([route(1, sources=[{"ip": "10.0.0.1"}])], 0)
            await one.write([Write("routes", "r1", None), route(2)], 1)
            assert await other.since(0) == (
                2,
                (route(1, sources=[{"ip": "10.0.0.1"}]), Write("routes", "r1", None), route(2)),
            )
            assert await other.since(1) == (2, (Write("routes", "r1", None), route(2)))
            assert await other.since(2) == (2, ())
            assert await other.since(3) is None

    asyncio.run(check())


def test_who_was_away_for_thousands_of_changes_gets_each_of_them_in_its_turn(opener: Opener) -> None:
    async def check() -> None:
        async with opened(opener, 2) as (one, other):
            for version in range(20):
                await one.write([route(number, turn=version) for number in range(500)], version)
            changed = await other.since(0)
            assert changed is not None
            assert changed[0] == 20
            assert list(changed[1]) == [route(number, turn=turn) for turn in range(20) for number in range(500)]
            loaded = await other.load()
            assert {document["turn"] for _, document in loaded.documents} == {19}

    asyncio.run(check())


def test_the_log_of_changes_is_bounded(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "KEPT_VERSIONS", 2)
    for module in ("sqlite", "postgres"):
        monkeypatch.setattr(f"penstock.master.store.{module}.KEPT_VERSIONS", 2)

    async def check() -> None:
        async with opened(opener) as (store,):
            for version in range(5):
                await store.write([route(version)], version)
            assert await store.since(2) is None
            changed = await store.since(3)
            assert changed is not None
            assert [write.id for write in changed[1]] == ["r3", "r4"]

    asyncio.run(check())


def test_who_has_not_seen_the_latest_version_writes_nothing(opener: Opener) -> None:
    async def check() -> None:
        async with opened(opener, 2) as (one, other):
            await one.write([route(1)], 0)
            with pytest.raises(Stale) as caught:
                await other.write([route(2)], 0)
            assert caught.value.version == 1
            assert [document["id"] for _, document in (await other.load()).documents] == ["r1"]
            assert await other.write([route(2)], 1) == 2

    asyncio.run(check())


def test_a_write_that_fails_leaves_nothing(opener: Opener) -> None:
    async def check() -> None:
        async with opened(opener) as (store,):
            with pytest.raises(TypeError):
                await store.write([route(1), route(2, odd={1, 2})], 0)
            assert (await store.load()).documents == ()
            assert await store.write([route(3)], 0) == 1

    asyncio.run(check())


def test_others_hear_of_a_write(opener: Opener) -> None:
    async def check() -> None:
        async with opened(opener, 2) as (one, other):
            heard: asyncio.Queue[int] = asyncio.Queue()
            other.watch(heard.put_nowait, lambda _reason: None)
            async with asyncio.timeout(20):
                if other.kind == "postgres":
                    assert await heard.get() == 0  # what it reads once it listens
                await one.write([route(1)], 0)
                assert await heard.get() == 1

    asyncio.run(check())


def test_nodes_report(opener: Opener) -> None:
    async def check() -> None:
        async with opened(opener) as (store,):
            await store.report(Node("b", "two", "0.1", 3, 1.5))
            await store.report(Node("a", "one", "0.1", 3, 1.0))
            await store.report(Node("b", "two", "0.2", 4, 2.5))
            assert await store.nodes() == (Node("a", "one", "0.1", 3, 1.0), Node("b", "two", "0.2", 4, 2.5))

    asyncio.run(check())


def test_many_documents_at_once(opener: Opener) -> None:
    async def check() -> None:
        async with opened(opener) as (store,):
            await store.write([route(number) for number in range(2000)], 0)
            assert len((await store.load()).documents) == 2000

    asyncio.run(check())


def test_entities_come_back_in_the_order_in_which_they_were_made(opener: Opener) -> None:
    async def check() -> None:
        async with opened(opener) as (store,):
            await store.write([route(9), route(3)], 0)
            await store.write([route(1)], 1)
            await store.write([route(9, changed=True)], 2)
            assert [document["id"] for _, document in (await store.load()).documents] == ["r9", "r3", "r1"]

    asyncio.run(check())
