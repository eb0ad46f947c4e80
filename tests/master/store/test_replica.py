"""What a node knew last."""

from __future__ import annotations

from pathlib import Path

from penstock.master.store.base import Loaded
from penstock.master.store.replica import Replica
from penstock.shared.entities.changes import Change


def replica(folder: Path, said: list[str] | None = None) -> Replica:
    return Replica(str(folder / "r.db"), (said if said is not None else []).append)


def test_nothing_is_known_at_first(tmp_path: Path) -> None:
    found = replica(tmp_path)
    assert found.load() is None
    found.close()


def test_changes_are_there_after_a_restart(tmp_path: Path) -> None:
    first = replica(tmp_path)
    first.replace(Loaded(7, (("services", {"id": "a", "n": 1}), ("services", {"id": "b", "n": 1}))))
    first.keep([Change("services", "a", None, {"id": "a", "n": 2}), Change("services", "b", {}, None)], 8)
    first.close()
    second = replica(tmp_path)
    assert second.load() == Loaded(8, (("services", {"id": "a", "n": 2}),))
    second.replace(Loaded(9, ()))
    assert second.load() == Loaded(9, ())
    second.close()


def test_a_file_that_cannot_be_is_told_and_harms_nobody(tmp_path: Path) -> None:
    said: list[str] = []
    broken = replica(tmp_path / "no", said)
    broken.keep([], 1)
    assert broken.load() is None
    assert ["cannot be written" in said[0], "cannot be read" in said[1]] == [True, True]
