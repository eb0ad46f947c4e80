"""Stores to test: one file of SQLite, one PostgreSQL for the whole run, with a database for each test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from needs import need
from postgres import Postgres, running

from penstock.master.store.postgres import PostgresStore, migrate
from penstock.master.store.sqlite import SqliteStore

NUMBERS = count(1)
Opener = Callable[[], SqliteStore | PostgresStore]
"""Gives one more store of the same content, not open yet."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    need("postgres")
    with running() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgres"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Both kinds, one after the other."""
    if request.param == "sqlite":
        return lambda: SqliteStore(str(tmp_path / "store.db"))
    cluster: Postgres = request.getfixturevalue("postgres")
    target = cluster.create(f"test{next(NUMBERS)}")
    asyncio.run(migrate(target))
    return lambda: PostgresStore(target)
