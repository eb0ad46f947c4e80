"""Replacing the program in place: the same in nginx and in Penstock, and what only Penstock promises."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from clients import ask, connect, connect_unix, echoed, read_all
from daemon import Daemon
from deadline import seconds, wait_for
from gate import Gate
from load import Load
from oracle import PROGRAMS
from peers import Peer
from processes import alive
from upgrading import OLDBIN, Upgrading, UpgradingGate, upgrading, workers_of

CONFIG: Final = """
worker_processes 2;
stream {
    server { listen 127.0.0.1:%%PORT_echo%% reuseport; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_version%%;        return one; }
    server { listen unix:%%DIR%%/local;                return local; }
    server { listen 127.0.0.1:%%PORT_udp%% udp;        return "%%DIR%%"; }
}
"""
KILLED: Final = re.compile("Traceback")
"""What an end by a signal, or a start that fails, does not bring."""
IGNORED: Final = (
    r"\[crit\] .*: the changing binary signal is ignored: "
    r"you should shutdown or terminate before either old or new binary's process"
)


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest, tmp_path: Path, echo: Peer) -> Iterator[Upgrading]:
    with upgrading(request.param, tmp_path, CONFIG, ECHO=echo) as running:
        yield running


@pytest.fixture
def gate(tmp_path: Path, echo: Peer) -> Iterator[UpgradingGate]:
    with UpgradingGate(tmp_path, CONFIG, ECHO=echo) as running:
        yield running


# In both programs.


def test_both_generations_run_and_the_old_one_leaves_its_name(program: Upgrading) -> None:
    old, new = program.change()
    assert program.named(OLDBIN) == old
    assert Path(f"/proc/{new}/stat").read_text().rsplit(")", 1)[1].split()[1] == str(old)
    assert len(workers_of(old)) == 2
    wait_for(lambda: len(workers_of(new)) == 2, "the new master has its workers")
    for line in ("signal 12 .SIGUSR2. received.*, changing binary$", "changing binary$", f"new binary process {new}$"):
        assert program.logged(rf"\[notice\] {old}#{old}: .*{line}")


def test_a_second_change_is_refused_by_either_master(program: Upgrading) -> None:
    old, new = program.change()
    for pid in (old, new):
        os.kill(pid, signal.SIGUSR2)
        program.logged(rf"\[notice\] {pid}#{pid}: signal 12 \(SIGUSR2\) received.*, ignoring$")
        assert f" {pid}#" in program.all_logged(IGNORED, 1 if pid == old else 2)[-1]
    assert (program.named(), program.named(OLDBIN)) == (new, old)


def test_the_old_one_ends_and_the_new_one_serves(program: Upgrading) -> None:
    old, new = program.change()
    program.send_workers_away(old)
    assert alive(old)
    program.end(old)
    assert program.named() == new
    assert not (program.directory / f"{program.pid_file.name}{OLDBIN}").exists()
    assert ask(program.port("version")) == b"one"
    assert program.change()[0] == new  # and can be replaced in its turn


def test_the_new_one_ends_and_the_old_one_has_its_name_again(program: Upgrading) -> None:
    old, new = program.change()
    program.send_workers_away(old)
    program.bring_workers_back(old)
    program.end(new)
    program.logged(rf"\[notice\] {old}#{old}: new binary process {new} exited with code 0")
    wait_for(lambda: program.named() == old, "the pid file names the old master")
    assert not (program.directory / f"{program.pid_file.name}{OLDBIN}").exists()
    assert ask(program.port("version")) == b"one"


def test_workers_that_were_sent_away_come_back_when_the_new_one_ends(program: Upgrading) -> None:
    old, new = program.change()
    program.send_workers_away(old)
    program.end(new, signal.SIGTERM)
    wait_for(lambda: len(workers_of(old)) == 2, "the old master has workers again")
    assert ask(program.port("version")) == b"one"


def test_a_new_one_that_is_killed_leaves_the_old_one_in_force(program: Upgrading) -> None:
    old, new = program.change()
    orphans = workers_of(new)
    os.kill(new, signal.SIGKILL)
    program.logged(rf"\[alert\] .*new binary process {new} exited on signal 9")
    wait_for(lambda: program.named() == old, "the pid file names the old master")
    program.trouble = KILLED
    for orphan in orphans:  # nginx's live on
        with contextlib.suppress(ProcessLookupError):
            os.kill(orphan, signal.SIGTERM)


def test_a_configuration_with_mistakes_leaves_the_old_one_in_force(program: Upgrading) -> None:
    old = program.named()
    program.file.write_text(program.file.read_text() + "nonsense;\n")
    os.kill(old, signal.SIGUSR2)
    program.logged(rf"\[notice\] {old}#{old}: new binary process \d+ exited with code 1")
    assert 'unknown directive "nonsense"' in program.logged(r"\[emerg\]")
    wait_for(lambda: program.named() == old, "the pid file has its name")
    assert ask(program.port("version")) == b"one"
    program.trouble = KILLED


def test_a_name_that_cannot_be_had_changes_nothing(program: Upgrading) -> None:
    old = program.named()
    (program.directory / f"{program.pid_file.name}{OLDBIN}").mkdir()
    os.kill(old, signal.SIGUSR2)
    line = program.logged(r"\[alert\]")
    assert f"rename() {program.pid_file} to {program.pid_file}{OLDBIN} failed before executing new binary" in line
    assert line.endswith('" (21: Is a directory)')
    assert program.named() == old
    program.trouble = KILLED


def test_a_unix_socket_stays_for_who_is_left(program: Upgrading) -> None:
    path = str(program.directory / "local")
    for _ in range(2):
        _, new = program.change()
        program.end(new)
        assert read_local(path) == b"local"
    old, new = program.change()
    program.end(old)
    assert read_local(path) == b"local"
    wait_for(lambda: not alive(old), "the old master has ended")
    program.end(new)
    assert not Path(path).exists()


def read_local(path: str) -> bytes:
    with connect_unix(path) as client:
        return read_all(client)


def test_nobody_fails_while_the_new_one_takes_over(program: Upgrading) -> None:
    with connect(program.port("echo")) as client, Load(program.port("echo")) as load, Datagrams(program) as datagrams:
        old, new = program.change()
        assert echoed(client, b"between") == b"between"
        os.kill(old, signal.SIGWINCH)
        wait_for(lambda: len(workers_of(old)) == 0, "no old worker accepts")
        os.kill(old, signal.SIGQUIT)
        served, answered = load.served, datagrams.answered
        wait_for(lambda: load.served > served + 50 and datagrams.answered > answered + 50, "the new one serves alone")
        assert echoed(client, b"after") == b"after"
    wait_for(lambda: not alive(old), "the old master has ended with its last session")
    assert program.named() == new
    assert load.failures == []
    assert datagrams.lost == 0


def test_nobody_fails_while_the_old_one_comes_back(program: Upgrading) -> None:
    with Load(program.port("echo")) as load, Datagrams(program) as datagrams:
        old, new = program.change()
        program.send_workers_away(old)
        program.bring_workers_back(old)
        program.end(new)
        served, answered = load.served, datagrams.answered
        wait_for(lambda: load.served > served + 50 and datagrams.answered > answered + 50, "the old one serves alone")
    assert load.failures == []
    assert datagrams.lost == 0


class Datagrams:
    """A client that sends one datagram after the other, each from a port of its own, and waits for the answer."""

    def __init__(self, program: Daemon) -> None:
        self.port = program.port("udp")
        self.wanted = str(program.directory).encode()
        self.answered = 0
        self.lost = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self) -> Datagrams:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(seconds(20))

    def run(self) -> None:
        while not self.over.wait(0.005):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(seconds(10))
                client.sendto(b"x", ("127.0.0.1", self.port))
                try:
                    self.answered += client.recv(4096) == self.wanted
                except TimeoutError:
                    self.lost += 1


# What nginx does not do, or not like this.

LAUNCHER: Final = "#!{python}\nfrom penstock.master.cli import main\nmain()\n"


class Foreground(Gate):
    """`daemon off`, run as a script by a relative path, with a relative prefix; the new master may outlive the old."""

    script: Path

    def command(self) -> Sequence[str]:
        return (f"./{self.script.name}", "-p", "..", "-c", f"{self.directory.name}/{self.file.name}", "-g", "# none\n")

    def write(self, text: str) -> None:
        self.script = self.directory / "script"
        self.script.write_text(LAUNCHER.format(python=sys.executable))
        self.script.chmod(0o755)
        super().write(text)

    def named(self) -> int:
        return int(self.read(self.pid_file.name) or 0)

    def change(self) -> int:
        """USR2: the new master, once it serves."""
        old = self.named()
        os.kill(old, signal.SIGUSR2)
        line = self.logged(rf" {old}#{old}: new binary process \d+ serves", within=20)
        return int(line.split()[-2])


@pytest.fixture
def foreground(tmp_path: Path, echo: Peer) -> Iterator[Foreground]:
    with Foreground(tmp_path, CONFIG, ECHO=echo) as running:
        yield running


def test_a_script_in_the_foreground_is_started_as_it_was(foreground: Foreground) -> None:
    old, new = foreground.pid, foreground.change()
    try:
        assert os.readlink(f"/proc/{new}/cwd") == str(foreground.directory)
        assert os.getsid(new) == os.getsid(old)
        for fd in range(3):
            assert os.readlink(f"/proc/{new}/fd/{fd}") == os.readlink(f"/proc/{old}/fd/{fd}")
        assert foreground.stop(signal.SIGQUIT) == 0
        assert ask(foreground.port("version")) == b"one"
        assert foreground.named() == new
    finally:
        os.kill(new, signal.SIGTERM)
        wait_for(lambda: not alive(new), "the new master has ended")
    assert list(foreground.directory.glob("*.pid*")) == []
    assert not (foreground.directory / "local").exists()


def test_a_program_that_is_broken_says_so_in_the_log_of_the_one_that_serves(foreground: Foreground) -> None:
    foreground.script.write_text("import penstock.no_such_module\n")
    foreground.signal(signal.SIGUSR2)
    line = foreground.logged(r"the new program did not start")
    stays = f"process {foreground.pid} stays in force"
    assert line.endswith(f"{stays}: ModuleNotFoundError: No module named 'penstock.no_such_module'")
    wait_for(lambda: foreground.named() == foreground.pid, "the pid file has its name")
    assert ask(foreground.port("version")) == b"one"
    foreground.trouble = KILLED


def test_what_workers_say_on_standard_error_goes_where_it_went(tmp_path: Path, echo: Peer) -> None:
    with Foreground(tmp_path, f"error_log stderr notice;{CONFIG}", ECHO=echo) as foreground:
        new = foreground.change()
        foreground.stop(signal.SIGQUIT)
        os.kill(new, signal.SIGTERM)
        wait_for(lambda: not alive(new), "the new master has ended")
        foreground.logged(rf" {new}#{new}: signal 15", "stderr.txt")
