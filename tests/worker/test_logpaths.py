"""Access logs at paths with variables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from logdesk import Desk

from penstock.shared.model.log import AccessLog, OpenLogFiles
from penstock.worker.logpaths import BRIEFLY


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.files.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_few_files_of_such_paths_stay_open(desk: Desk) -> None:
    log = desk.configured("$v.log")
    desk.logs.writer(log)
    before = open_files()
    desk.log(log, *(str(number) for number in range(3 * BRIEFLY.most)), *("0", "1"))
    assert open_files() == before + BRIEFLY.most
    assert desk.read("0.log") == "0\n0\n"
    desk.logs.reopen()
    assert open_files() == before


def test_such_a_file_that_was_moved_is_made_again_soon(desk: Desk) -> None:
    log = desk.configured("$v.log")
    desk.log(log, "a")
    (desk.directory / "a.log").rename(desk.directory / "moved")
    desk.now += BRIEFLY.valid
    desk.log(log, "a")
    assert (desk.read("moved"), desk.read("a.log")) == ("a\n", "a\n")


@pytest.mark.parametrize("value", ["../../outside", "a/../../b", "..", "x\0y", "missing/x"])
def test_a_client_cannot_lead_a_path_elsewhere(desk: Desk, value: str) -> None:
    desk.log(desk.configured("$v"), value)
    assert desk.logs.lost == 1
    assert os.listdir(desk.directory) == ["error.log"]
    assert "[crit]" in desk.read("error.log")


def cached(desk: Desk, **rules: float) -> AccessLog:
    """A log with `open_log_file_cache`."""
    log = desk.configured("$v.log", open_files=OpenLogFiles(**rules))  # type: ignore[arg-type]  # counts are whole
    desk.logs.writer(log)
    return log


def test_no_more_files_stay_open_than_the_cache_has(desk: Desk) -> None:
    log = cached(desk, most=2)
    before = open_files()
    desk.log(log, "a", "b", "a", "c")
    assert open_files() == before + 2
    (desk.directory / "a.log").rename(desk.directory / "moved")
    desk.log(log, "a")
    assert desk.read("moved") == "a\na\na\n"


def test_a_file_is_looked_at_again_when_it_is_not_valid_any_more(desk: Desk) -> None:
    log = cached(desk, most=2, valid=60.0, inactive=100.0)
    desk.log(log, "a")
    (desk.directory / "a.log").rename(desk.directory / "moved")
    desk.now += 59
    desk.log(log, "a")
    desk.now += 1
    desk.log(log, "a")
    assert (desk.read("moved"), desk.read("a.log")) == ("a\na\n", "a\n")


def test_a_file_that_is_still_there_stays_open(desk: Desk) -> None:
    log = cached(desk, most=2, valid=0.0)
    before = open_files()
    desk.log(log, "a", "a")
    assert (open_files(), desk.read("a.log")) == (before + 1, "a\na\n")


def test_without_lines_a_file_is_closed(desk: Desk) -> None:
    log = cached(desk, most=9, inactive=10.0)
    before = open_files()
    desk.log(log, "a")
    desk.now += 9
    desk.log(log, "b")
    desk.logs.due(desk.now + 1)
    assert open_files() == before + 1


def test_a_file_stays_open_once_it_is_used_often_enough(desk: Desk) -> None:
    log = cached(desk, most=9, min_uses=2, inactive=10.0)
    before = open_files()
    desk.log(log, "a", "b")
    assert open_files() == before
    desk.log(log, "a")
    assert open_files() == before + 1
    desk.now += 10
    desk.log(log, "b")
    assert open_files() == before


def test_caches_written_in_two_places_are_two(desk: Desk) -> None:
    first = desk.configured("$v.log", open_files=OpenLogFiles(most=1))
    second = desk.configured("$v.log", open_files=OpenLogFiles(most=1, valid=5.0))
    desk.logs.writers((first, second))
    before = open_files()
    desk.log(first, "a")
    desk.log(second, "b")
    assert open_files() == before + 2


def test_a_file_that_cannot_be_opened_leaves_nothing_behind(desk: Desk) -> None:
    log = cached(desk, most=2)
    before = open_files()
    desk.log(log, "missing/x")
    assert (open_files(), desk.logs.lost) == (before, 1)
