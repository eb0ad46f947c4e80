"""What happens to lines on their way out of a worker."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from deadline import seconds
from logdesk import Desk
from viewed import at_noon

from penstock.shared.model.address import unix
from penstock.shared.model.log import Syslog
from penstock.shared.sources import sources
from penstock.worker.logbuffer import COMPLAINT_INTERVAL


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.files.close()


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


def test_a_compressed_log_is_readable_after_each_flush(desk: Desk) -> None:
    log = desk.configured(buffer=100, flush=5.0, gzip=6)
    for number in range(3):
        desk.log(log, f"line {number}", "more")
        desk.logs.due(desk.now + 5)
        assert gzip.decompress((desk.directory / "log").read_bytes()).decode().splitlines()[-2] == f"line {number}"
    assert (desk.directory / "log").read_bytes().count(b"\x1f\x8b\x08") == 3


def test_a_line_larger_than_the_buffer_is_compressed_by_itself(desk: Desk) -> None:
    desk.log(desk.configured(buffer=10, gzip=1), "1", "1234567890")
    assert gzip.decompress((desk.directory / "log").read_bytes()) == b"1\n1234567890\n"


def test_a_level_of_nine_is_smaller_than_one_of_one(desk: Desk) -> None:
    text = " ".join(str(number * number) for number in range(2000))
    for level in (1, 9):
        desk.log(desk.configured(str(level), buffer=1, gzip=level), text)
    assert (desk.directory / "9").stat().st_size < (desk.directory / "1").stat().st_size


def test_every_line_of_a_lost_member_is_counted(desk: Desk) -> None:
    desk.log(desk.configured("/dev/full", buffer=100, gzip=1), "1", "2", "3")
    desk.logs.flush_all()
    assert desk.logs.lost == 3


def test_compression_named_later_holds_for_the_file(desk: Desk) -> None:
    plain, packed = desk.configured(), desk.configured(buffer=100, gzip=1)
    desk.logs.writers((plain, packed))
    desk.log(plain, "1")
    desk.logs.flush_all()
    assert gzip.decompress((desk.directory / "log").read_bytes()) == b"1\n"


def test_a_line_for_syslog_is_sent_at_once_without_its_newline(desk: Desk) -> None:
    at_noon()
    path = str(desk.directory / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.settimeout(seconds(5))
        log = desk.configured("/", syslog=Syslog(f"unix:{path}", 16, 4, "mine", address=unix(path)))
        desk.log(log, "a", "b")
        received = [server.recv(100), server.recv(100)]
    assert received == [f"<132>{sources.clock.syslog()} gate.example mine: {text}".encode() for text in "ab"]


def test_lines_that_syslog_does_not_take_are_counted_and_said_once_a_minute(desk: Desk) -> None:
    path = str(desk.directory / "nobody")
    desk.log(desk.configured("/", syslog=Syslog(f"unix:{path}", address=unix(path))), "a", "b")
    assert desk.logs.lost == 2
    said = f'[crit] 1#1: send() to syslog server "unix:{path}" failed (2: No such file or directory)\n'
    assert desk.read("error.log").count(said) == 1
