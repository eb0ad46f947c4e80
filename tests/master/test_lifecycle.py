"""Kong's commands of a node's life, on a real node."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import environment
from deadline import seconds
from ports import free_port

from penstock.master.launch import FILE, PREFIX, Launch
from penstock.master.lifecycle import OWN_TEXT, located, own_state, usable, workers_of


class Node:
    """A folder of state, and the commands that are given in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        (folder / "c").write_text("worker_processes 2; events {} pid p.pid; error_log e.log;")

    def run(self, *words: str) -> tuple[int, str, str]:
        """The exit status, the standard output and the standard error of `penstock WORDS`."""
        done = subprocess.run(
            (sys.executable, "-m", "penstock", *words, "-p", str(self.folder), "-c", "c"),
            env={**environment(), "KONG_STREAM_LISTEN": f"127.0.0.1:{self.port}"},
            capture_output=True,
            text=True,
            timeout=seconds(60),
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path)
    yield node
    node.run("stop")


def test_a_life(node: Node) -> None:
    assert node.run("health")[0] == 1
    assert node.run("start") == (0, "Penstock started\n", "")
    status, said, _ = node.run("health")
    assert (status, said.splitlines()[1:]) == (
        0,
        ["workers...........2 running", f"Penstock is healthy at {node.folder}"],
    )
    assert node.run("start") == (1, "", f"Error: Penstock is already running in {node.folder}\n")
    assert node.run("reload") == (0, "Penstock reloaded\n", "")
    assert node.run("restart") == (0, "Penstock stopped\nPenstock started\n", "")
    assert node.run("quit", "-t", "30") == (0, "Penstock stopped (gracefully)\n", "")
    status, said, complaint = node.run("stop")
    assert (status, said) == (1, "")
    assert complaint.startswith("Error: ")


def test_a_session_that_does_not_end_is_cut_off_in_time(node: Node) -> None:
    (node.folder / "c").write_text(
        f"events {{}} pid p.pid; error_log e.log; stream {{ service s {{ url tcp://127.0.0.1:{node.port}; }}"
        " route r { protocols tcp; sources 127.0.0.1; service s; } preread_timeout 60s; }"
    )
    node.run("start")
    with socket.create_connection(("127.0.0.1", node.port)):
        assert node.run("quit", "-t", "0.2") == (0, "Timeout, Penstock stopped forcefully\n", "")


def test_a_start_that_fails_says_why(node: Node) -> None:
    (node.folder / "c").write_text("events {} strem {}")
    status, said, complaint = node.run("start")
    assert (status, said) == (1, "")
    assert 'unknown directive "strem"' in complaint


def test_a_configuration_is_checked(node: Node) -> None:
    done = subprocess.run(
        (sys.executable, "-m", "penstock", "check", str(node.folder / "c")),
        env=environment(), capture_output=True, text=True, check=False, cwd=node.folder,
    )  # fmt: skip
    assert "syntax is ok" in done.stderr


def test_what_was_named_is_used() -> None:
    given = Launch("/x", "/x/c")
    assert located(given) is given


@pytest.mark.skipif(os.path.exists(FILE), reason=f"there is a {FILE}")
def test_without_a_configuration_there_is_one_of_our_own() -> None:
    found = located(Launch())
    assert found.prefix == (PREFIX if usable(PREFIX) else own_state(os.environ))
    assert (found.file, found.standin) == (f"{found.prefix}/penstock.conf", OWN_TEXT)


def test_the_folder_of_a_user_s_state() -> None:
    assert own_state({"XDG_STATE_HOME": "/s"}) == "/s/penstock"
    assert own_state({"HOME": "/h"}) == "/h/.local/state/penstock"


def test_a_folder_that_could_be_made_is_usable(tmp_path: Path) -> None:
    assert usable(str(tmp_path / "a" / "b"))
    assert not usable("/proc/1/a")


def test_children_of_nobody() -> None:
    assert workers_of(2**22 + 1) == []
