"""Catalog, store and workers in step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from admin_desk import AdminDesk, Workers
from catalogs import SERVICE

from penstock.master.admin.registrar import Registrar
from penstock.master.store.base import Unavailable, Write
from penstock.shared.entities.catalog import Catalog
from penstock.shared.entities.changes import Proposal
from penstock.shared.entities.violation import Violation


def create(name: str) -> Any:
    return lambda catalog: catalog.create("services", {**SERVICE, "name": name})


def create_route(name: str) -> Any:
    body = {"name": name, "protocols": ["tls"], "snis": ["a.test"], "tags": ["x", "y"]}
    return lambda catalog: catalog.create("routes", body)


def test_a_change_is_stored_known_and_published_before_the_answer(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        assert desk.store is not None
        proposal = await desk.registrar.write(create("a"))
        assert (await desk.store.load()).documents[0][1] == proposal.record
        assert desk.catalog.get("services", "a") is not None
        assert desk.registrar.version == 1
        assert [len(changes) for _, changes in desk.workers.published] == [1]

    desk.run(work, lambda _registrar: [])


def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        await desk.registrar.write(create("a"))
        with pytest.raises(Violation):
            await desk.registrar.write(create("a"))
        assert desk.registrar.version == 1

    desk.run(work, lambda _registrar: [])


def test_without_a_store_nothing_is_written(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path, store=False)

    async def work() -> None:
        with pytest.raises(Violation, match="cannot create 'services' entities when not using a database"):
            await desk.registrar.write(create("a"), "create", "services")

    desk.run(work, lambda _registrar: [])


def test_two_nodes_write_in_turn_and_know_the_same(tmp_path: Path) -> None:
    one, other = AdminDesk(tmp_path), AdminDesk(tmp_path)

    async def work() -> None:
        assert other.store is not None
        await other.store.open()
        other.registrar.begin(await other.store.load(), ())
        await one.registrar.write(create("a"))
        await other.registrar.write(create("b"))  # it has not heard of the other's yet
        assert [record["name"] for record in other.catalog.every("services")].sort() is None
        assert {record["name"] for record in other.catalog.every("services")} == {"a", "b"}
        with pytest.raises(Violation, match="UNIQUE violation"):
            await one.registrar.write(create("b"))
        assert {record["name"] for record in one.catalog.every("services")} == {"a", "b"}
        assert one.registrar.version == other.registrar.version == 2
        assert sum(len(changes) for _, changes in one.workers.published) == 2
        await other.store.close()

    one.run(work, lambda _registrar: [])


def test_what_others_write_while_workers_take_over_is_not_missed(tmp_path: Path) -> None:
    one, other = AdminDesk(tmp_path), AdminDesk(tmp_path)
    release = asyncio.Event()

    class Slow(Workers):
        async def publish(self, version: int, changes: Any) -> None:  # type: ignore[override]  # awaited alike
            self.published.append((version, tuple(changes)))
            await release.wait()

    async def work() -> None:
        slow = Slow()
        registrar = Registrar(other.catalog, other.store, slow, other.said.append)
        assert other.store is not None
        await other.store.open()
        registrar.begin(await other.store.load(), ())
        registrar.watch()
        await one.registrar.write(create("a"))
        await until(lambda: slow.published)
        await one.registrar.write(create("b"))
        await until(lambda: registrar._news)  # it hears of that while it waits for its workers
        release.set()
        await until(lambda: registrar.version == 2)
        assert other.catalog.get("services", "b") is not None
        await other.store.close()

    one.run(work, lambda _registrar: [])


def test_a_database_that_was_locked_is_known_to_be_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = AdminDesk(tmp_path), AdminDesk(tmp_path)

    async def work() -> None:
        assert other.store is not None
        await other.store.open()
        other.registrar.begin(await other.store.load(), ())
        since, failures = other.store.since, iter(("locked",))

        async def fails_once(version: int) -> Any:
            if reason := next(failures, ""):
                raise Unavailable(reason)
            return await since(version)

        monkeypatch.setattr(other.store, "since", fails_once)
        other.registrar.watch()
        await one.registrar.write(create("a"))
        await until(lambda: other.registrar.trouble)
        await until(lambda: other.registrar.version == 1 and not other.registrar.trouble)
        assert other.said[-1] == "the database is back"
        await other.store.close()

    one.run(work, lambda _registrar: [])


async def until(met: Callable[[], object]) -> None:
    """Wait for something, but not for ever."""
    async with asyncio.timeout(10):
        while not met():
            await asyncio.sleep(0.01)


def test_who_was_away_too_long_takes_over_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        store = desk.store
        assert store is not None
        kept = (await desk.registrar.write(create("kept"))).record
        gone = (await desk.registrar.write(create("gone"))).record
        assert kept is not None
        assert gone is not None
        late = Registrar(Catalog(lambda: 1.0), store, Workers(), desk.said.append)
        late.begin(await store.load(), ())
        await store.write([Write("services", gone["id"], None), Write("services", kept["id"], {**kept, "port": 9})], 2)
        monkeypatch.setattr(store, "since", nothing)  # as when the log was cut
        late._changed_elsewhere(3)
        while late.version != 3:
            await asyncio.sleep(0)
        assert [(record["name"], record["port"]) for record in late.catalog.every("services")] == [("kept", 9)]

    async def nothing(_version: int) -> None:
        return None

    desk.run(work, lambda _registrar: [])


def test_who_reads_everything_again_changes_only_what_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        store = desk.store
        assert store is not None
        for number in range(5):
            await desk.registrar.write(create_route(f"r{number}"))
        workers = Workers()
        late = Registrar(Catalog(lambda: 1.0), store, workers, desk.said.append)
        late.begin(await store.load(), ())
        await desk.registrar.write(lambda catalog: catalog.update("routes", "r3", {"tags": ["z"]}))
        await desk.registrar.write(lambda catalog: catalog.delete("routes", "r1"))
        monkeypatch.setattr(store, "since", nothing)
        late._changed_elsewhere(7)
        while late.version != 7:
            await asyncio.sleep(0)
        ((version, changes),) = workers.published
        assert version == 7
        assert [(each.before and each.before["name"], each.after is None) for each in changes] == [
            ("r1", True),
            ("r3", False),
        ]

    async def nothing(_version: int) -> None:
        return None

    desk.run(work, lambda _registrar: [])


def test_a_store_that_is_away_is_told_once_and_when_it_is_back(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path, store=False)
    for reason in ("it is away", "still away", "", ""):
        desk.registrar._in_trouble(reason)
    assert desk.said == [
        "it is away; what is known is served on, and writes are refused until it is back",
        "the database is back",
    ]


def test_a_store_that_cannot_write_leaves_everything_as_it_was(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        assert desk.store is not None
        await desk.store.close()
        with pytest.raises(Unavailable):
            await desk.registrar.write(create("a"))
        assert list(desk.catalog.every("services")) == []
        assert desk.workers.published == []

    desk.run(work, lambda _registrar: [])


def test_a_write_that_changes_nothing_waits_for_nobody(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        proposal: Proposal = await desk.registrar.write(lambda catalog: catalog.delete("services", "nobody"))
        assert proposal.changes == ()
        assert desk.registrar.version == 0

    desk.run(work, lambda _registrar: [])
