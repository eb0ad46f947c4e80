"""Access logs: when lines reach their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from logdesk import Desk, known

from penstock.shared.logformat import compile_log_format
from penstock.shared.model.log import AccessLog
from penstock.shared.template import compile_template


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.files.close()


def test_a_line_without_a_buffer_is_there_at_once(desk: Desk) -> None:
    desk.log(desk.configured(text="<$v> $status"), "a")
    assert desk.read() == "<a> 200\n"


def test_the_file_is_there_before_the_first_line(desk: Desk) -> None:
    desk.logs.writer(desk.configured())
    assert desk.read() == ""


def test_a_buffer_is_written_before_a_line_that_does_not_fit(desk: Desk) -> None:
    log = desk.configured(buffer=10)
    desk.log(log, "1234", "5678")
    assert desk.read() == ""
    desk.log(log, "9")
    assert desk.read() == "1234\n5678\n"
    desk.logs.flush_all()
    assert desk.read() == "1234\n5678\n9\n"


def test_a_line_larger_than_the_buffer_is_written_behind_what_is_kept(desk: Desk) -> None:
    log = desk.configured(buffer=10)
    desk.log(log, "1", "1234567890")
    assert desk.read() == "1\n1234567890\n"


def test_a_buffer_is_written_when_its_oldest_line_is_due(desk: Desk) -> None:
    log = desk.configured(buffer=100, flush=5.0)
    desk.log(log, "first")
    desk.now += 3
    desk.log(log, "second")
    assert desk.logs.due(desk.now) == 1005.0
    assert desk.read() == ""
    assert desk.logs.due(1005.0) is None
    assert desk.read() == "first\nsecond\n"


def test_the_next_line_after_a_flush_waits_its_own_time(desk: Desk) -> None:
    log = desk.configured(buffer=100, flush=5.0)
    desk.log(log, "first")
    desk.now = 1010.0
    desk.logs.due(desk.now)
    desk.log(log, "second")
    assert desk.logs.due(desk.now) == 1015.0


def test_without_flush_nothing_is_due(desk: Desk) -> None:
    desk.log(desk.configured(buffer=100), "x")
    assert desk.logs.due(desk.now + 10**6) is None
    assert desk.read() == ""


def test_the_soonest_of_several_is_told(desk: Desk) -> None:
    for path, flush in (("a", 9.0), ("b", 2.0), ("c", 5.0)):
        desk.log(desk.configured(path, buffer=100, flush=flush), "x")
    assert desk.logs.due(desk.now) == 1002.0


def test_formats_that_share_a_file_share_its_buffer(desk: Desk) -> None:
    first, second = desk.configured(buffer=100), desk.configured(text="<$v>", buffer=100)
    desk.log(first, "1")
    desk.log(second, "2")
    desk.log(first, "3")
    desk.logs.flush_all()
    assert desk.read() == "1\n<2>\n3\n"


def test_a_buffer_named_later_holds_for_the_file(desk: Desk) -> None:
    plain, buffered = desk.configured(), desk.configured(buffer=100, flush=5.0)
    desk.logs.writers((plain, buffered))
    desk.log(plain, "1")
    assert desk.read() == ""
    assert desk.logs.due(desk.now) == 1005.0


def test_an_inherited_log_has_one_writer(desk: Desk) -> None:
    assert desk.logs.writer(desk.configured()) is desk.logs.writer(desk.configured())


@pytest.mark.parametrize(("value", "written"), [("", ""), ("0", ""), ("00", "00\n"), ("yes", "yes\n")])
def test_a_condition_decides(desk: Desk, value: str, written: str) -> None:
    desk.log(desk.configured(condition=compile_template("$v", known)), value)
    assert desk.read() == written


def test_bytes_come_out_as_they_came_in(desk: Desk) -> None:
    log = desk.configured()
    raw = AccessLog(log.path, compile_log_format("$v", "none", known))
    desk.log(raw, "é\udcff")
    assert (desk.directory / "log").read_bytes() == "é".encode() + b"\xff\n"


def test_a_path_may_have_variables(desk: Desk) -> None:
    desk.log(desk.configured("$v.log"), "a", "b", "a")
    assert (desk.read("a.log"), desk.read("b.log")) == ("a\na\n", "b\n")


def test_reopening_leaves_what_is_kept_to_the_old_file(desk: Desk) -> None:
    log = desk.configured(buffer=100)
    desk.log(log, "before")
    (desk.directory / "log").rename(desk.directory / "log.1")
    desk.logs.reopen()
    desk.log(log, "after")
    desk.logs.flush_all()
    assert (desk.read("log.1"), desk.read()) == ("before\n", "after\n")


def test_a_file_that_cannot_be_reopened_is_said(desk: Desk) -> None:
    (desk.directory / "logs").mkdir()
    desk.log(desk.configured("logs/log"), "x")
    (desk.directory / "logs").rename(desk.directory / "gone")
    desk.logs.reopen()
    assert f'open() "{desk.directory}/logs/log" failed (2: No such file or directory)' in desk.read("error.log")
