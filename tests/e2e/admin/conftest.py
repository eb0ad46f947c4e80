"""A started Penstock for each module and each kind of store, and the PostgreSQL that one of them needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from administered import CONFIG, Administered, database
from needs import need
from postgres import Postgres


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


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    """A Penstock on an empty store."""
    kept = "sqlite entities.db"
    if request.param == "postgres":
        kept = database(request.getfixturevalue("postgres"))
    with Administered(tmp_path_factory.mktemp("gate"), CONFIG, DATABASE=kept) as running:
        yield running
