"""SQLite's own ways: a file, its rights, a full disk, a locked file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.master.store import sqlite
from penstock.master.store.base import NotReady, Unavailable, Write
from penstock.master.store.sqlite import SqliteStore, reset

ROUTE = Write("routes", "r", {"id": "r"})


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s.db"

    async def check() -> None:
        store = SqliteStore(str(path))
        await store.open()
        await store.write([ROUTE], 0)
        names = {name for name in os.listdir(tmp_path) if stat.S_IMODE((tmp_path / name).stat().st_mode) & 0o077}
        await store.close()
        assert names == set()

    asyncio.run(check())


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"s\.db"):
        asyncio.run(SqliteStore(str(tmp_path / "no" / "s.db")).open())


def test_a_schema_from_the_future_is_refused(tmp_path: Path) -> None:
    async def check() -> None:
        store = SqliteStore(str(tmp_path / "s.db"))
        await store.open()
        await store.close()
        connection = sqlite3.connect(tmp_path / "s.db")
        with connection:
            connection.execute("INSERT INTO schema_steps VALUES (99)")
        connection.close()
        with pytest.raises(NotReady, match="schema 99"):
            await store.open()

    asyncio.run(check())


def test_a_full_disk_leaves_the_old_state(tmp_path: Path) -> None:
    async def check() -> None:
        store = SqliteStore(str(tmp_path / "s.db"))
        await store.open()
        await store.write([ROUTE], 0)
        connection = store._connection
        assert connection is not None
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own way to have no room left
        big = Write("routes", "big", {"id": "big", "text": "x" * 1_000_000})
        with pytest.raises(Unavailable, match="full"):
            await store.write([big], 1)
        loaded = await store.load()
        assert (loaded.version, len(loaded.documents)) == (1, 1)
        connection.execute("PRAGMA max_page_count = 1000000")
        assert await store.write([big], 1) == 2
        await store.close()

    asyncio.run(check())


def test_a_file_that_somebody_else_holds_is_waited_for_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LOCK_WAIT", 0.05)

    async def check() -> None:
        store = SqliteStore(str(tmp_path / "s.db"))
        await store.open()
        other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await store.write([ROUTE], 0)
        other.execute("ROLLBACK")
        other.close()
        assert await store.write([ROUTE], 0) == 1
        await store.close()

    asyncio.run(check())


def test_what_was_written_before_anybody_watched_is_told_until_it_is_read(tmp_path: Path) -> None:
    async def check() -> None:
        store, other = SqliteStore(str(tmp_path / "s.db")), SqliteStore(str(tmp_path / "s.db"))
        await store.open()
        await store.load()
        await other.open()
        await other.write([ROUTE], 0)
        told: list[int] = []
        store.watch(told.append, lambda _reason: None)
        await told_times(told, 2)
        await store.since(0)
        known = len(told)
        await other.write([ROUTE], 1)
        await told_times(told, known + 1)
        assert told[known:] == [2]
        await store.close()
        await other.close()

    asyncio.run(check())


async def told_times(told: list[int], count: int) -> None:
    """Wait until something has been told so often."""
    async with asyncio.timeout(10):
        while len(told) < count:
            await asyncio.sleep(0.01)


WRITER = """
import asyncio, os, signal, sys
from penstock.master.store.base import Write
from penstock.master.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    version = 0
    while True:
        version = await store.write([Write("routes", f"r{version}", {"id": f"r{version}"})], version)
        os.write(1, b"%d\\n" % version)
        if version == 50:
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    killed = subprocess.run(
        (sys.executable, "-c", WRITER, str(tmp_path / "s.db")), stdout=subprocess.PIPE, check=False, timeout=60
    )
    assert killed.stdout.splitlines()[-1] == b"50"

    async def check() -> None:
        store = SqliteStore(str(tmp_path / "s.db"))
        await store.open()
        loaded = await store.load()
        assert (loaded.version, len(loaded.documents)) == (50, 50)
        await store.close()

    asyncio.run(check())


def test_a_reset_drops_everything(tmp_path: Path) -> None:
    async def check() -> None:
        store = SqliteStore(str(tmp_path / "s.db"))
        await store.open()
        await store.write([ROUTE], 0)
        await store.close()
        reset(str(tmp_path / "s.db"))
        await store.open()
        assert (await store.load()).version == 0
        await store.close()

    asyncio.run(check())
