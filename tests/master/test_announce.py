"""What the outside sees of the master's life."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from configurations import configuration

from penstock.master.announce import Announcer
from penstock.master.generation import ContextPool, Generation, Logs
from penstock.master.ledger import Ledger
from penstock.master.listeners import plan_of
from penstock.master.notify import Notifier
from penstock.master.outcome import read_outcome
from penstock.shared.errors import StartError


class Manager:
    """A service manager's end of sd_notify."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(path))
        self.path = path

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    found = Manager(tmp_path / "notify")
    yield found
    found.socket.close()


@pytest.fixture
def announcer(manager: Manager) -> Iterator[Announcer]:
    loop = asyncio.new_event_loop()
    environ = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "20000"}
    yield Announcer(loop, Ledger(), Notifier(environ), pytest.fail)
    loop.close()


@pytest.fixture
def generation() -> Iterator[Generation]:
    wanted = configuration()
    made = Generation(4, wanted, plan_of(wanted), Logs(wanted, time.time, 2), ContextPool())
    yield made
    made.logs.close()


def test_ready_follows_a_start_an_applied_and_a_refused_reload(
    announcer: Announcer, manager: Manager, generation: Generation
) -> None:
    announcer.applied(generation, None)
    announcer.reloading()
    announcer.applied(generation, generation)
    announcer.reloading()
    announcer.refused("no", generation)
    announcer.leaving("stopping")
    heard = [message.split("\n") for message in manager.heard()]
    assert [lines[0] for lines in heard] == [
        "READY=1",
        "RELOADING=1",
        "READY=1",
        "RELOADING=1",
        "READY=1",
        "STOPPING=1",
    ]
    assert heard[4][1] == "STATUS=generation 4, 1 worker; the last reload was refused: no"


def test_facts_follow(announcer: Announcer, generation: Generation) -> None:
    announcer.applied(generation, None)
    facts = announcer.facts
    assert (facts.generation, facts.reload_success) == (4, True)
    assert abs(facts.reload_timestamp - time.time()) < 5
    announcer.refused("no", generation)
    assert not facts.reload_success


def test_the_outcome_is_told_beside_the_pid_file(announcer: Announcer, generation: Generation, tmp_path: Path) -> None:
    announcer.place(f"{tmp_path}/p.pid")
    announcer.reloading()
    announcer.refused("no", generation)
    found = read_outcome(f"{tmp_path}/p.pid.reload")
    assert found is not None
    assert (found.begun, found.ended, found.refused) == (1, 1, "no")
    announcer.gone()
    assert os.listdir(tmp_path) == ["notify"]


def test_a_pid_file_that_cannot_be_moved_stays(announcer: Announcer, tmp_path: Path) -> None:
    announcer.place(f"{tmp_path}/p.pid")
    (tmp_path / "there.pid").mkdir()
    with pytest.raises(StartError):
        announcer.place(f"{tmp_path}/there.pid")
    assert sorted(os.listdir(tmp_path)) == ["notify", "p.pid", "p.pid.reload", "there.pid"]
    announcer.gone()


def test_the_watchdog_is_fed_while_the_loop_turns(announcer: Announcer, manager: Manager) -> None:
    announcer.watch(lambda: True)
    announcer._loop.run_until_complete(asyncio.sleep(0.05))
    assert len(manager.heard()) >= 3


def test_while_a_new_program_serves_nobody_hears_of_the_old_one(
    announcer: Announcer, manager: Manager, generation: Generation, tmp_path: Path
) -> None:
    announcer.place(f"{tmp_path}/p.pid")
    announcer.applied(generation, None)
    announcer.step_aside()
    assert sorted(os.listdir(tmp_path)) == ["notify", "p.pid.oldbin", "p.pid.oldbin.reload"]
    announcer.fall_silent()
    manager.heard()
    announcer.reloading()
    announcer.applied(generation, generation)
    announcer.refused("no", generation)
    announcer.place(f"{tmp_path}/p.pid")
    assert manager.heard() == []
    assert announcer.pid_path == f"{tmp_path}/p.pid.oldbin"
    announcer.step_back()
    assert [message.split("\n")[0] for message in manager.heard()] == [f"MAINPID={os.getpid()}", "READY=1"]
    assert sorted(os.listdir(tmp_path)) == ["notify", "p.pid", "p.pid.reload"]
    announcer.gone()


def test_the_end_of_one_master_is_not_that_of_the_service(announcer: Announcer, manager: Manager) -> None:
    announcer.leaving("draining", heir=7)
    announcer.lead_alone(8)
    assert manager.heard() == ["MAINPID=7", "MAINPID=8", f"MAINPID={os.getpid()}"]
