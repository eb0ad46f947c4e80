"""A started Penstock for each module and each kind of store, and the PostgreSQL that one of them needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from administered import CONFIG, Administered, database
from needs import need
from postgres import Postgres, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL."""
    need("postgres")
    with running() as cluster:
        yield cluster


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    """A Penstock on an empty store."""
    kept = "sqlite entities.db"
    if request.param == "postgres":
        kept = database(request.getfixturevalue("postgres"))
    with Administered(tmp_path_factory.mktemp("gate"), CONFIG, DATABASE=kept) as gateway:
        yield gateway
