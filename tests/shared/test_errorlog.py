"""Log files, and the error log's lines."""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from viewed import NOON

from penstock.master.syslog import connected
from penstock.shared.errorlog import NGX_MAX_ERROR_STR, ErrorLog, LogFiles
from penstock.shared.errors import StartError
from penstock.shared.model.address import unix
from penstock.shared.model.log import ErrorLogTarget, Level, Syslog
from penstock.shared.model.where import Where
from penstock.shared.syslog import SyslogServers
from penstock.shared.wallclock import WallClock

HEAD = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(\w+)\] 123#123: (.*)\n")


@pytest.fixture
def files() -> Iterator[LogFiles]:
    opened = LogFiles()
    yield opened
    opened.close()


def log_to(files: LogFiles, *targets: tuple[Path | str, Level]) -> ErrorLog:
    found = tuple(ErrorLogTarget(str(path), level, where=Where("penstock.conf", 3)) for path, level in targets)
    return ErrorLog(found, files, now=lambda: NOON, pid=lambda: 123)


def lines(path: Path) -> list[tuple[str, str]]:
    """Level and text of every line."""
    found = [HEAD.fullmatch(line) for line in path.read_text().splitlines(keepends=True)]
    assert None not in found
    return [(match[1], match[2]) for match in found if match]


def test_a_line_has_nginxs_form(files: LogFiles, tmp_path: Path) -> None:
    log_to(files, (tmp_path / "log", Level.ERROR)).error("went wrong, client: 127.0.0.1", connection=7)
    assert lines(tmp_path / "log") == [("error", "*7 went wrong, client: 127.0.0.1")]


def test_without_a_connection_there_is_no_number(files: LogFiles, tmp_path: Path) -> None:
    log_to(files, (tmp_path / "log", Level.ERROR)).emerg("text")
    assert lines(tmp_path / "log") == [("emerg", "text")]


@pytest.mark.parametrize("level", list(Level))
def test_a_target_takes_its_level_and_what_is_more_severe(files: LogFiles, tmp_path: Path, level: Level) -> None:
    log = log_to(files, (tmp_path / "log", level))
    for each in Level:
        getattr(log, each.word)(each.word)
    assert [word for word, _ in lines(tmp_path / "log")] == [each.word for each in Level if each <= level]
    assert log.level is level


def test_every_target_has_a_level_of_its_own(files: LogFiles, tmp_path: Path) -> None:
    log = log_to(files, (tmp_path / "few", Level.CRIT), (tmp_path / "many", Level.INFO))
    log.error("x")
    assert (lines(tmp_path / "few"), lines(tmp_path / "many")) == ([], [("error", "x")])
    assert log.level is Level.INFO


def test_without_targets_nothing_is_written(files: LogFiles) -> None:
    log_to(files).emerg("x")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\nb\t\x00\x1b[0m\x7f", r"a\x0Ab\x09\x00\x1B[0m\x7F"),
        ("\x9b31m", r"\xC2\x9B31m"),
        ("\udcff", r"\xFF"),
        ("\ud800", "?"),
        ("é \\ \" '", "é \\ \" '"),
    ],
)
def test_no_text_can_forge_a_line(files: LogFiles, tmp_path: Path, text: str, written: str) -> None:
    log_to(files, (tmp_path / "log", Level.ERROR)).error(text)
    assert lines(tmp_path / "log")[0][1].replace(r"\x3F", "?") == written


@pytest.mark.parametrize("character", ["x", "é", "\n"])
def test_a_line_is_cut_at_nginxs_length(files: LogFiles, tmp_path: Path, character: str) -> None:
    log_to(files, (tmp_path / "log", Level.ERROR)).error(character * 5000)
    data = (tmp_path / "log").read_bytes()
    assert NGX_MAX_ERROR_STR - 1 <= len(data) <= NGX_MAX_ERROR_STR
    assert data.endswith(b"\n")
    data.decode()


def test_a_line_of_just_that_length_is_whole(files: LogFiles, tmp_path: Path) -> None:
    log = log_to(files, (tmp_path / "log", Level.ERROR))
    log.error("")
    head = (tmp_path / "log").stat().st_size
    log.error("x" * (NGX_MAX_ERROR_STR - head))
    assert len(lines(tmp_path / "log")[1][1]) == NGX_MAX_ERROR_STR - head


def test_a_full_disk_is_counted_and_nothing_else(files: LogFiles, tmp_path: Path) -> None:
    log = log_to(files, ("/dev/full", Level.ERROR), (tmp_path / "log", Level.ERROR))
    log.error("x")
    assert log.lost == 1
    assert lines(tmp_path / "log") == [("error", "x")]


def test_a_closed_pipe_is_counted() -> None:
    reader, writer = os.pipe()
    files = LogFiles(writer)
    os.close(reader)
    log = log_to(files, ("stderr", Level.ERROR))
    log.error("x")
    assert log.lost == 1
    files.close()
    os.close(writer)


def test_standard_error_is_the_one_given(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "original", os.O_WRONLY | os.O_CREAT)
    files = LogFiles(fd)
    os.close(fd)
    log_to(files, ("stderr", Level.ERROR)).error("x")
    files.close()
    assert lines(tmp_path / "original") == [("error", "x")]


def syslog_at(path: Path) -> ErrorLogTarget:
    return ErrorLogTarget("", Level.NOTICE, Syslog(f"unix:{path}", 16, 3, "mine", address=unix(str(path))))


@pytest.fixture
def post() -> Iterator[LogFiles]:
    """Log files of a process that can send."""
    opened = LogFiles(syslogs=SyslogServers(connected, "Gate.Example"))
    yield opened
    opened.close()


def test_syslog_gets_the_line_with_the_severity_of_its_level(post: LogFiles, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "socket"))
        server.settimeout(5)
        log = ErrorLog((syslog_at(tmp_path / "socket"),), post, now=lambda: NOON, pid=lambda: 123)
        log.info("not for syslog")
        log.notice("a\nb", connection=7)
        packet = server.recv(1000).decode()
    clock = WallClock(lambda: NOON)
    assert packet == f"<133>{clock.syslog()} gate.example mine: {clock.error()} [notice] 123#123: *7 a\\x0Ab"


def test_every_target_is_served_when_syslog_is_not_there(post: LogFiles, tmp_path: Path) -> None:
    now = [NOON]
    targets = (syslog_at(tmp_path / "nobody"), ErrorLogTarget(str(tmp_path / "log")))
    log = ErrorLog(targets, post, now=lambda: now[0], pid=lambda: 123)
    for text in ("first", "second"):
        log.error(text)
    now[0] += 60
    log.error("third")
    said = ("error", f'send() to syslog server "unix:{tmp_path}/nobody" failed (2: No such file or directory)')
    assert lines(tmp_path / "log") == [("error", "first"), said, ("error", "second"), ("error", "third"), said]
    assert log.lost == 5


def test_the_sockets_of_syslog_are_kept_by_a_child(post: LogFiles, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "socket"))
        log = ErrorLog((syslog_at(tmp_path / "socket"),), post, now=lambda: NOON, pid=lambda: 123)
        before = set(post.fds())
        log.error("x")
        (fd,) = set(post.fds()) - before
        assert stat.S_ISSOCK(os.fstat(fd).st_mode)


def test_a_process_without_syslog_says_so(files: LogFiles) -> None:
    with pytest.raises(StartError, match="no syslog"):
        ErrorLog((syslog_at(Path("/x")),), files, now=lambda: NOON, pid=lambda: 123)


def test_a_file_that_cannot_be_opened_is_nginxs_sentence(files: LogFiles, tmp_path: Path) -> None:
    with pytest.raises(StartError) as caught:
        log_to(files, (tmp_path / "no" / "log", Level.ERROR))
    assert caught.value.text == f'open() "{tmp_path}/no/log" failed (2: No such file or directory)'
    assert caught.value.where == Where("penstock.conf", 3)


def test_a_file_is_appended_to_and_new_ones_are_readable(files: LogFiles, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("before\n")
    before = os.umask(0)
    try:
        for name in ("old", "new"):
            os.write(files.open(str(tmp_path / name)).fd, b"x\n")
    finally:
        os.umask(before)
    assert (tmp_path / "old").read_text() == "before\nx\n"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o644


def test_a_file_is_opened_once(files: LogFiles, tmp_path: Path) -> None:
    assert files.open(str(tmp_path / "log")) is files.open(str(tmp_path / "log"))


def test_every_descriptor_is_told_and_none_is_inherited_by_a_program(files: LogFiles, tmp_path: Path) -> None:
    log = files.open(str(tmp_path / "log"))
    assert files.fds() == (files.stderr.fd, log.fd)
    assert not any(os.get_inheritable(fd) for fd in files.fds())
    assert min(files.fds()) > 2


def test_reopening_follows_the_path_under_the_same_descriptor(files: LogFiles, tmp_path: Path) -> None:
    log = files.open(str(tmp_path / "log"))
    fd = log.fd
    os.write(fd, b"before\n")
    (tmp_path / "log").rename(tmp_path / "log.1")
    assert files.reopen() == []
    os.write(fd, b"after\n")
    assert log.fd == fd
    assert not os.get_inheritable(fd)
    assert ((tmp_path / "log.1").read_text(), (tmp_path / "log").read_text()) == ("before\n", "after\n")


def test_what_cannot_be_reopened_is_told_and_keeps_its_file(files: LogFiles, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = files.open(str(tmp_path / "logs" / "log"))
    (tmp_path / "logs").rename(tmp_path / "gone")
    assert files.reopen() == [f'open() "{tmp_path}/logs/log" failed (2: No such file or directory)']
    os.write(log.fd, b"x\n")
    assert (tmp_path / "gone" / "log").read_text() == "x\n"


def test_devices_are_not_reopened(files: LogFiles) -> None:
    files.open("/dev/null")
    assert files.reopen() == []


@pytest.mark.parametrize("path", ["/dev/stderr", "/dev/stdout"])
def test_a_service_whose_standard_streams_are_sockets_can_log_to_them(path: str) -> None:
    ours, theirs = socket.socketpair()
    saved = [os.dup(fd) for fd in (1, 2)]
    for fd in (1, 2):
        os.dup2(theirs.fileno(), fd)
    try:
        files = LogFiles()
        os.write(files.open(path).fd, b"x\n")
        files.close()
    finally:
        for fd, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, fd)
            os.close(copy)
    with ours, theirs:
        assert ours.recv(10) == b"x\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_are_given_to_the_workers_user(files: LogFiles, tmp_path: Path) -> None:
    files.open(str(tmp_path / "log"))
    files.open("/dev/null")
    (tmp_path / "log").chmod(0)
    assert files.chown(65534) == []
    status = (tmp_path / "log").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (65534, os.getegid(), 0o600)
    assert Path("/dev/null").stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may give files away")
def test_what_cannot_be_given_is_told(files: LogFiles, tmp_path: Path) -> None:
    files.open(str(tmp_path / "log"))
    assert files.chown(65534) == [f'chown("{tmp_path}/log", 65534) failed (1: Operation not permitted)']


def test_the_clock_and_the_pid_are_asked_for_each_line(files: LogFiles, tmp_path: Path) -> None:
    ticks: list[float] = [NOON, NOON + 1]
    now: Callable[[], float] = lambda: ticks[0]  # noqa: E731 - the signature is the point
    pids = iter((1, 2))
    log = ErrorLog((ErrorLogTarget(str(tmp_path / "log")),), files, now=now, pid=lambda: next(pids))
    log.error("x")
    del ticks[0]
    log.error("x")
    first, second = (tmp_path / "log").read_text().splitlines()
    assert (first[17:], second[17:]) == ("00 [error] 1#1: x", "01 [error] 2#2: x")
