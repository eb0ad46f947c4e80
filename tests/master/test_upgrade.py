"""Replacing the program, on stand-in workers: whom the sockets, the names and the figures belong to meanwhile."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from clients import connect
from deadline import seconds, wait_for
from load import Load
from processes import alive
from standing import PROGRAM, Standing
from upgrading import OLDBIN, Upgrading, workers_of

TWO = """worker_processes 2;
stream { server { listen 127.0.0.1:%%PORT_echo%%; listen unix:%%DIR%%/local; return standin; } }
"""
REFUSED = re.compile("Traceback")


class UpgradingStanding(Upgrading, Standing):
    """A master of stand-ins in the background."""

    def hung(self) -> list[tuple[int, int]]:
        """Pid and generation of the workers that 64 new connections reach; one that none takes fails."""
        return [self.ask() for _ in range(64)]


@pytest.fixture
def master(tmp_path: Path) -> Iterator[UpgradingStanding]:
    with UpgradingStanding(tmp_path, TWO) as running:
        yield running


def visit(port: int) -> None:
    with connect(port) as client:
        client.sendall(b"x")
        if not client.recv(100):
            raise ConnectionError("closed without an answer")


def rewritten(master: UpgradingStanding, old: str, new: str) -> None:
    text = master.file.read_text()
    assert old in text
    master.file.write_text(text.replace(old, new))


@pytest.mark.parametrize("count", [1, 5])
def test_other_numbers_of_workers_lose_no_connection_in_either_direction(master: UpgradingStanding, count: int) -> None:
    rewritten(master, "worker_processes 2", f"worker_processes {count}")
    with Load(master.port("echo"), visit=visit) as load:
        for _ in range(3):
            old, new = master.change()
            wait_for_workers(new, count)
            master.send_workers_away(old)
            serves_alone(load)
            master.end(new)
            serves_alone(load)
        old, _ = master.change()
        master.end(old)
        serves_alone(load)
    assert load.failures == []


def serves_alone(load: Load) -> None:
    """Have some more clients served."""
    served = load.served
    wait_for(lambda: load.served > served + 20, "more clients are served")


def wait_for_workers(pid: int, count: int) -> None:
    wait_for(lambda: len(workers_of(pid)) == count, f"master {pid} has {count} workers")


def test_sockets_that_the_new_one_added_have_workers_of_the_old_one_even_if_it_kept_its_own(
    master: UpgradingStanding,
) -> None:
    rewritten(master, "worker_processes 2", "worker_processes 6")
    old, new = master.change()
    wait_for_workers(new, 6)
    before = workers_of(old)
    master.end(new)
    wait_for(lambda: workers_of(old) and not set(before) & set(workers_of(old)), "the old master has new workers")
    assert {pid for pid, _ in master.hung()} <= set(workers_of(old))


def test_a_new_one_that_drains_for_long_leaves_no_connection_waiting(master: UpgradingStanding) -> None:
    old, new = master.change()
    master.send_workers_away(old)
    with connect(master.port("echo")) as client:
        client.sendall(b"x")
        assert client.recv(100)
        os.kill(new, signal.SIGQUIT)
        wait_for(lambda: workers_of(old), "the old master has workers again")
        assert {pid for pid, _ in master.hung()} <= set(workers_of(old))
        assert alive(new)
        client.sendall(b"x")
        assert client.recv(100)
    wait_for(lambda: master.named() == old, "the old one has its name again")


def test_scrapes_are_answered_by_whoever_is_to_stay(master: UpgradingStanding) -> None:
    for _ in range(2):
        master.reload()
    old, new = master.change()
    wait_for(lambda: master.generation() == 1, "the new master answers")
    assert [master.generation() for _ in range(20)] == [1.0] * 20
    master.end(new)
    assert [master.generation() for _ in range(20)] == [3.0] * 20
    _, new = master.change()
    master.end(old)
    assert [master.generation() for _ in range(20)] == [1.0] * 20
    assert master.metric("penstock_workers") == 2


def test_hup_to_an_old_one_that_has_its_workers_does_nothing(master: UpgradingStanding) -> None:
    old, _ = master.change()
    before = workers_of(old)
    os.kill(old, signal.SIGHUP)
    master.logged(f" {old}#{old}: no worker process is missing")
    assert workers_of(old) == before


def test_a_new_configuration_is_for_the_new_one_alone(master: UpgradingStanding) -> None:
    old, new = master.change()
    master.send_workers_away(old)
    rewritten(master, "worker_processes 2", "worker_processes 3")
    master.bring_workers_back(old)
    wait_for_workers(old, 2)
    master.reload()
    wait_for_workers(new, 3)


def test_the_reload_command_speaks_to_the_new_one(master: UpgradingStanding) -> None:
    old, new = master.change()
    assert subprocess.run(master.ordered("reload"), timeout=seconds(30), check=False).returncode == 0
    assert master.generation() == 2
    master.end(new)
    wait_for(lambda: master.named() == old, "the old one has its name again")
    assert subprocess.run(master.ordered("reload"), timeout=seconds(30), check=False).returncode == 0
    assert sorted(path.name for path in master.directory.glob("*.pid*")) == ["penstock.pid", "penstock.pid.reload"]


def test_an_address_that_the_new_one_left_is_served_until_the_old_one_ends(master: UpgradingStanding) -> None:
    path = master.directory / "local"
    rewritten(master, f"listen unix:{path};", "")
    old, new = master.change()
    wait_for_workers(new, 2)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"x")
        assert client.recv(100).startswith(f"{workers_of(old)[0]} ".encode()) or workers_of(old)
    master.end(old)
    wait_for(lambda: not path.exists(), "the new master has removed what nobody listens on")


def test_a_reload_of_the_new_one_takes_nothing_from_the_old_one(master: UpgradingStanding) -> None:
    path = master.directory / "local"
    old, new = master.change()
    rewritten(master, f"listen unix:{path};", "")
    master.reload()
    master.end(new)
    wait_for(lambda: master.named() == old, "the old one has its name again")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"x")
        assert client.recv(100)


def test_a_change_that_is_asked_for_during_a_reload_has_its_sockets_too(master: UpgradingStanding) -> None:
    old = master.named()
    rewritten(master, "listen unix:", f"listen 127.0.0.1:{master.port('more')}; listen unix:")
    os.kill(old, signal.SIGHUP)
    os.kill(old, signal.SIGUSR2)
    wait_for(lambda: master.named() not in (0, old), "there is a new master", within=20)
    master.masters.append(master.named())
    wait_for_workers(master.named(), 2)
    assert master.named(OLDBIN) == old
    master.end(old)
    assert master.ask("more")[1] == 1


def test_an_old_one_that_ends_before_the_new_one_serves_loses_no_connection(master: UpgradingStanding) -> None:
    old = master.named()
    with Load(master.port("echo"), visit=visit) as load:
        os.kill(old, signal.SIGUSR2)
        new = int(master.logged("start new binary process").split()[-1])
        master.masters.append(new)
        os.kill(old, signal.SIGQUIT)
        wait_for(lambda: master.named() == new, "the pid file names the new master", within=20)
        serves_alone(load)
    assert load.failures == []
    assert sorted(path.name for path in master.directory.glob("*.pid*")) == ["penstock.pid", "penstock.pid.reload"]
    master.logged(rf"the old program has ended, process {new} has taken its place")
    assert master.change()[0] == new


class Elsewhere(UpgradingStanding):
    """Run by an interpreter that can be taken away."""

    def command(self) -> Sequence[str]:
        return (str(self.directory / "python"), str(PROGRAM), str(self.directory), str(self.file))


def test_a_program_that_cannot_be_executed_leaves_the_old_one_in_force(tmp_path: Path) -> None:
    interpreter = tmp_path / "python"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    interpreter.chmod(0o755)
    link = tmp_path / "venv"
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", "--symlinks", link), check=True)
    interpreter.write_text(f'#!/bin/sh\nPYTHONPATH={":".join(filter(None, sys.path))} exec {link}/bin/python "$@"\n')
    with Elsewhere(tmp_path, TWO) as master:
        old = master.named()
        (link / "bin/python").unlink()
        os.kill(old, signal.SIGUSR2)
        line = master.logged(r"\[alert\]")
        said = f'execve() failed while executing new binary process "{link}/bin/python" (2: No such file or directory)'
        assert line.endswith(said)
        assert (master.named(), master.ask()[1]) == (old, 1)
        master.trouble = REFUSED


def test_a_new_one_that_cannot_start_says_why_in_the_log_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "fail"
    monkeypatch.setenv("STANDIN_FAIL", str(broken))
    with UpgradingStanding(tmp_path, TWO) as master:
        old = master.named()
        broken.write_text("no plugin in /x:1")
        os.kill(old, signal.SIGUSR2)
        master.logged(rf"\[emerg\] {old}#{old}: the new program did not start, process {old} stays in force: no plugin")
        master.logged(r"new binary process \d+ exited with code 1")
        wait_for(lambda: master.named() == old, "the name is back")
        broken.unlink()
        assert master.change()[0] == old
        master.trouble = REFUSED
