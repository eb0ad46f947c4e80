"""Access logs: when lines reach their files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from viewed import Viewed

from penstock.shared.errorlog import ErrorLog, LogFiles
from penstock.shared.errors import StartError
from penstock.shared.logformat import compile_log_format
from penstock.shared.model.log import AccessLog, ErrorLogTarget, Syslog
from penstock.shared.scope import Scope
from penstock.shared.template import Getter, compile_template
from penstock.shared.variables import lookup
from penstock.worker.accesslog import COMPLAINT_INTERVAL, OPEN_FILES, OPEN_VALID, AccessLogs


def known(name: str) -> Getter:
    scope = Scope(lookup)
    scope.define_set("v")
    return scope.lookup(name)


@dataclass
class Desk:
    """A worker's logs in a directory, with a clock that stands still."""

    directory: Path
    now: float = 1000.0
    files: LogFiles = field(default_factory=LogFiles)

    def __post_init__(self) -> None:
        targets = (ErrorLogTarget(str(self.directory / "error.log")),)
        self.errors = ErrorLog(targets, self.files, now=lambda: 0.0, pid=lambda: 1)
        self.logs = AccessLogs(self.files, lambda: self.now, self.errors)

    def configured(self, path: str = "log", text: str = "$v", **settings: Any) -> AccessLog:
        whole = path if path.startswith("/") else f"{self.directory}/{path}"
        line = compile_log_format(text, "default", known)
        return AccessLog(compile_template(whole, known), line, **settings)

    def log(self, log: AccessLog, *values: str) -> None:
        writer = self.logs.writer(log)
        for value in values:
            writer.log(Viewed(values={"v": value}))

    def read(self, name: str = "log") -> str:
        return (self.directory / name).read_text()


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


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_few_files_of_such_paths_stay_open(desk: Desk) -> None:
    log = desk.configured("$v.log")
    desk.logs.writer(log)
    before = open_files()
    desk.log(log, *(str(number) for number in range(3 * OPEN_FILES)), *("0", "1"))
    assert open_files() == before + OPEN_FILES
    assert desk.read("0.log") == "0\n0\n"
    desk.logs.reopen()
    assert open_files() == before


def test_such_a_file_that_was_moved_is_made_again_soon(desk: Desk) -> None:
    log = desk.configured("$v.log")
    desk.log(log, "a")
    (desk.directory / "a.log").rename(desk.directory / "moved")
    desk.now += OPEN_VALID
    desk.log(log, "a")
    assert (desk.read("moved"), desk.read("a.log")) == ("a\n", "a\n")


@pytest.mark.parametrize("value", ["../../outside", "a/../../b", "..", "x\0y", "missing/x"])
def test_a_client_cannot_lead_a_path_elsewhere(desk: Desk, value: str) -> None:
    desk.log(desk.configured("$v"), value)
    assert desk.logs.lost == 1
    assert os.listdir(desk.directory) == ["error.log"]
    assert "[crit]" in desk.read("error.log")


def test_a_full_disk_is_counted_and_said_once_a_minute(desk: Desk) -> None:
    log = desk.configured("/dev/full")
    desk.log(log, "1", "2")
    assert desk.logs.lost == 2
    said = '[crit] 1#1: write() to "/dev/full" failed (28: No space left on device)\n'
    assert desk.read("error.log").count(said) == 1
    desk.now += COMPLAINT_INTERVAL
    desk.log(log, "3")
    assert desk.read("error.log").count(said) == 2


def test_every_line_of_a_lost_buffer_is_counted(desk: Desk) -> None:
    desk.log(desk.configured("/dev/full", buffer=100), "1", "2", "3")
    desk.logs.flush_all()
    desk.logs.flush_all()
    assert desk.logs.lost == 3


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


@pytest.mark.parametrize("settings", [{"gzip": 1, "buffer": 100}, {"syslog": Syslog("localhost")}])
def test_what_is_not_there_yet_is_refused(desk: Desk, settings: dict[str, Any]) -> None:
    with pytest.raises(StartError, match="not supported"):
        desk.logs.writer(desk.configured(**settings))
