"""`penstock migrations`."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from needs import requires
from postgres import Postgres

from penstock.master.launch import Launch
from penstock.master.store import migrating

NUMBERS = count(1)


def launch(folder: Path, text: str) -> Launch:
    (folder / "c").write_text(text)
    return Launch(str(folder), str(folder / "c"))


def test_the_embedded_store_needs_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    assert migrating.bootstrap(launch(tmp_path, ""), said.append) == 0
    assert said == [f'Nothing to do: the store is SQLite in "{tmp_path}/penstock.db", which needs no migrations']


def test_a_broken_configuration_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert migrating.bootstrap(launch(tmp_path, "database mysql;"), print) == 1
    assert 'invalid value "mysql"' in capsys.readouterr().err


def test_a_reset_wants_to_be_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert migrating.reset(launch(tmp_path, ""), print, sure=False) == 1
    assert "--yes" in capsys.readouterr().err


@requires("postgres")
def test_the_life_of_a_schema(tmp_path: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]) -> None:
    target = postgres.create(f"migrating{next(NUMBERS)}")
    at = launch(tmp_path, f'database postgres "{target}";')
    said: list[str] = []
    assert migrating.listing(at, said.append) == migrating.NEEDS_BOOTSTRAP
    assert migrating.up(at, said.append) == 1
    assert "needs bootstrapping" in capsys.readouterr().err
    assert migrating.bootstrap(at, said.append) == 0
    assert said[-1] == "Database is up-to-date"
    assert migrating.bootstrap(at, said.append) == 0
    assert said[-1] == "Database already bootstrapped"
    assert (migrating.up(at, said.append), migrating.listing(at, said.append)) == (0, 0)
    assert migrating.reset(at, said.append, sure=True) == 0
    assert migrating.listing(at, said.append) == migrating.NEEDS_BOOTSTRAP
