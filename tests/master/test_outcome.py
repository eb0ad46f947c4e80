"""The file that tells how reloads end."""

from __future__ import annotations

import os
from pathlib import Path

from penstock.master.outcome import Outcome, OutcomeFile, path_beside, read_outcome


def test_a_reload_is_begun_then_ended(tmp_path: Path) -> None:
    path = path_beside(str(tmp_path / "p.pid"))
    file = OutcomeFile(7)
    file.place(str(tmp_path / "p.pid"))
    assert read_outcome(path) == Outcome(7, 0, 0)
    file.begin()
    assert read_outcome(path) == Outcome(7, 1, 0)
    file.end("no")
    assert read_outcome(path) == Outcome(7, 1, 1, "no")
    file.begin()
    file.end()
    assert read_outcome(path) == Outcome(7, 2, 2, "")


def test_who_waits_is_told_of_the_next_reload_not_of_the_one_under_way() -> None:
    file = OutcomeFile(7)
    told: list[str] = []
    file.begin()
    file.wait(told.append)
    file.end("the one before")
    assert told == []
    file.begin()
    file.end("no")
    file.end()
    assert told == ["no"]


def test_it_follows_the_pid_file_and_goes_with_it(tmp_path: Path) -> None:
    file = OutcomeFile(7)
    file.place(str(tmp_path / "a.pid"))
    file.place(str(tmp_path / "b.pid"))
    assert os.listdir(tmp_path) == ["b.pid.reload"]
    file.remove()
    assert os.listdir(tmp_path) == []


def test_a_file_about_another_master_stays(tmp_path: Path) -> None:
    mine, other = OutcomeFile(7), OutcomeFile(8)
    mine.place(str(tmp_path / "p.pid"))
    other.place(str(tmp_path / "p.pid"))
    mine.remove()
    assert os.listdir(tmp_path) == ["p.pid.reload"]


def test_beside_a_device_there_is_none() -> None:
    assert path_beside(os.devnull) is None
    file = OutcomeFile(7)
    file.place(os.devnull)
    file.begin()
    file.end()
    file.remove()


def test_what_cannot_be_understood_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").write_text('{"pid": 1, "what": 2}')
    assert read_outcome(str(tmp_path / "x")) is None
    (tmp_path / "x").write_text("[")
    assert read_outcome(str(tmp_path / "x")) is None
    assert read_outcome(str(tmp_path / "y")) is None
