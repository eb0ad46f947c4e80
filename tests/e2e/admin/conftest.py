"""A started Penstock for each module and each kind of store, and the PostgreSQL that one of them needs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest
from administered import Administered
from needs import need
from postgres import Postgres

from penstock.master.store.postgres import migrate

NUMBERS = count(1)
CONFIG = """
worker_processes 2;
admin_listen 127.0.0.1:%%PORT_admin%%;
database %%DATABASE%%;
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    service written { url tcp://127.0.0.1:9; }
}
"""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    need("postgres")
    cluster = Postgres()
    try:
        cluster.start()
        yield cluster
        cluster.stop()
    finally:
        cluster.remove()


def database(cluster: Postgres) -> str:
    """A new database, with its schema, as the configuration names it."""
    target = cluster.create(f"e2e{next(NUMBERS)}")
    asyncio.run(migrate(target))
    return f'postgres "{target}"'


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    """A Penstock on an empty store."""
    kept = "sqlite entities.db"
    if request.param == "postgres":
        kept = database(request.getfixturevalue("postgres"))
    with Administered(tmp_path_factory.mktemp("gate"), CONFIG, DATABASE=kept) as running:
        yield running
