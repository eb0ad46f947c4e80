"""Logs that go elsewhere than to a plain file: compressed, to syslog, to files named by variables."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import gzip
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import ask
from daemon import Daemon
from deadline import seconds, wait_for
from oracle import PROGRAMS, oracle

CONFIG = """
worker_processes 1;
error_log syslog:server=unix:%%DIR%%/syslog.sock,facility=local1,severity=debug,tag=main notice;
stream {
    log_format plain '$server_port $status $bytes_sent';
    open_log_file_cache max=2 inactive=20s valid=1m min_uses=1;

    server { listen 127.0.0.1:%%PORT_gzip%%;      access_log %%DIR%%/a.gz plain gzip flush=100ms; return x; }
    server { listen 127.0.0.1:%%PORT_level%%;     access_log %%DIR%%/b.gz plain gzip=9 buffer=8k; return xy; }
    server { listen 127.0.0.1:%%PORT_unix%%;      access_log syslog:server=unix:%%DIR%%/syslog.sock plain; return x; }
    server { listen 127.0.0.1:%%PORT_all%%;       access_log syslog:server=unix:%%DIR%%/syslog.sock,facility=mail,severity=crit,tag=t_1,nohostname plain; return x; }
    server { listen 127.0.0.1:%%PORT_udp%%;       access_log syslog:server=127.0.0.1:%%UDP%%,tag=udp plain; return x; }
    server { listen 127.0.0.1:%%PORT_condition%%; access_log syslog:server=unix:%%DIR%%/syslog.sock plain if=$no; return x; }
    server { listen 127.0.0.1:%%PORT_nobody%%;    access_log syslog:server=unix:%%DIR%%/nobody.sock plain; access_log %%DIR%%/beside.log plain; return x; }
    server { listen 127.0.0.1:%%PORT_variable%%;  access_log %%DIR%%/log-$server_port.log plain; return x; }
    server { listen 127.0.0.1:%%PORT_error%%;     error_log syslog:server=unix:%%DIR%%/syslog.sock,tag=own info; error_log %%DIR%%/own.log info; proxy_pass 127.0.0.1:%%PORT_closed%%; }
    map $server_port $no { default 0; }
}
"""


class Syslogs:
    """A syslog daemon on a unix socket and one on UDP."""

    def __init__(self, directory: Path) -> None:
        self.unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.unix.bind(str(directory / "syslog.sock"))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        for one in (self.unix, self.udp):
            one.settimeout(seconds(10))

    def line(self, pattern: str, one: socket.socket | None = None) -> str:
        """The next line that matches; those before it are dropped."""
        while True:
            text = (one or self.unix).recv(4096).decode()
            if re.search(pattern, text):
                return text

    def close(self) -> None:
        self.unix.close()
        self.udp.close()


@pytest.fixture(scope="module")
def syslogs() -> Iterator[dict[str, Syslogs]]:
    opened: dict[str, Syslogs] = {}
    yield opened
    for each in opened.values():
        each.close()


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, syslogs: dict[str, Syslogs]
) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("logs")
    opened = syslogs[str(directory)] = Syslogs(directory)
    with oracle(request.param, directory, CONFIG, UDP=opened.udp.getsockname()[1]) as daemon:
        daemon.trouble = re.compile("Traceback")  # nginx's [alert] about a syslog that is not there
        yield daemon


@pytest.fixture
def syslog(running: Daemon, syslogs: dict[str, Syslogs]) -> Syslogs:
    return syslogs[str(running.directory)]


HOST = socket.gethostname().lower()
TIME = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"


def wait_compressed(running: Daemon, name: str, lines: str) -> None:
    """Wait until a compressed file holds just these lines."""
    file = running.directory / name
    wait_for(lambda: file.exists() and gzip.decompress(file.read_bytes()).decode() == lines, f"{name} is written")


def test_a_compressed_log_is_readable_after_each_flush(running: Daemon) -> None:
    for count in (1, 2):
        ask(running.port("gzip"))
        wait_compressed(running, "a.gz", f"{running.port('gzip')} 200 1\n" * count)


def test_a_compressed_buffer_is_written_when_files_are_reopened(running: Daemon) -> None:
    ask(running.port("level"))
    wait_for(lambda: len(running.workers()) == 1, "the worker is there")
    running.signal(signal.SIGUSR1)
    wait_compressed(running, "b.gz", f"{running.port('level')} 200 2\n")


def test_an_access_log_goes_to_syslog(running: Daemon, syslog: Syslogs) -> None:
    ask(running.port("unix"))
    port = running.port("unix")
    assert re.fullmatch(rf"<190>{TIME} {HOST} nginx: {port} 200 1", syslog.line(f" {port} "))


def test_every_parameter_of_syslog_counts(running: Daemon, syslog: Syslogs) -> None:
    ask(running.port("all"))
    port = running.port("all")
    assert re.fullmatch(rf"<18>{TIME} t_1: {port} 200 1", syslog.line(f" {port} "))


def test_syslog_over_udp(running: Daemon, syslog: Syslogs) -> None:
    ask(running.port("udp"))
    port = running.port("udp")
    assert re.fullmatch(rf"<190>{TIME} {HOST} udp: {port} 200 1", syslog.line("", syslog.udp))


def test_a_condition_holds_for_syslog(running: Daemon, syslog: Syslogs) -> None:
    ask(running.port("condition"))
    ask(running.port("unix"))
    assert f" {running.port('unix')} " in syslog.line(r"nginx: \d+ 200")


def test_a_syslog_that_is_not_there_stops_nothing(running: Daemon) -> None:
    assert ask(running.port("nobody")) == b"x"
    running.logged(f"^{running.port('nobody')} 200 1$", "beside.log")


def test_the_main_error_log_goes_to_syslog_too(running: Daemon, syslog: Syslogs) -> None:
    running.signal(signal.SIGUSR1)
    line = syslog.line("SIGUSR1|reopening")
    head = rf"<141>{TIME} (?:{HOST})? main: \d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d \[notice\] (\d+)#\1: "
    assert re.match(head, line)
    assert not line.endswith("\n")


def test_a_server_s_error_log_in_syslog_has_each_line_s_severity(running: Daemon, syslog: Syslogs) -> None:
    ask(running.port("error"))
    info = syslog.line(r"\*\d+ client .* connected to")
    error = syslog.line("connect\\(\\) failed")
    assert re.match(rf"<190>{TIME} {HOST} own: [\d/]+ [\d:]+ \[info\] ", info)
    assert re.match(rf"<187>{TIME} {HOST} own: [\d/]+ [\d:]+ \[error\] ", error)
    running.logged("connect\\(\\) failed", "own.log")
    assert error.partition("own: ")[2] in running.read("own.log").splitlines()


def test_a_file_named_by_a_variable_stays_open_as_the_cache_says(running: Daemon) -> None:
    port = running.port("variable")
    log = f"log-{port}.log"
    ask(port)
    running.logged("200 1", log)
    (running.directory / log).rename(running.directory / "moved.log")
    ask(port)
    wait_for(lambda: running.read("moved.log").count("200 1") == 2, "the second line is in the moved file")
    assert not (running.directory / log).exists()
