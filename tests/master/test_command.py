"""`-s`: signals by name, and the outcome of a reload."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.master.command import send, wait_for_reload
from penstock.master.launch import Launch, launch_of
from penstock.master.outcome import OutcomeFile, path_beside, read_outcome
from penstock.shared.errors import StartError

WAITS = "import signal; print(signal.sigwait({int(n) for n in '1 3 10 15'.split()}).name)"
BLOCKED = {signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGTERM}


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    """A process that says which signal it got, and ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    process = subprocess.Popen((sys.executable, "-c", WAITS), stdout=subprocess.PIPE, text=True)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
    with process:
        yield process
        process.kill()


def launched(tmp_path: Path, text: str, pid: object = "") -> Launch:
    (tmp_path / "c").write_text(text)
    (tmp_path / "p.pid").write_text(str(pid))
    return launch_of(str(tmp_path), "c", "", None, False, ())


@pytest.mark.parametrize(("word", "name"), [("stop", "SIGTERM"), ("quit", "SIGQUIT"), ("reopen", "SIGUSR1")])
def test_a_word_is_a_signal(tmp_path: Path, other: subprocess.Popen[str], word: str, name: str) -> None:
    send(launched(tmp_path, "pid p.pid; events {}", other.pid), word)
    assert other.communicate()[0].strip() == name


@pytest.mark.parametrize(
    "text",
    [
        "pid p.pid; events {}\nnonsense;",
        "pid 'p.pid';\n}",
        "# pid no.pid;\nworker_processes x;pid p.pid;",
        'pid "p.pid" ; {',
    ],
)
def test_a_broken_configuration_still_names_its_pid_file(
    tmp_path: Path, other: subprocess.Popen[str], text: str
) -> None:
    send(launched(tmp_path, text, other.pid), "quit")
    assert other.communicate()[0].strip() == "SIGQUIT"


def test_nobody_there(tmp_path: Path) -> None:
    gone = subprocess.Popen(("true",))
    gone.wait()
    with pytest.raises(StartError, match=rf"kill\({gone.pid}, 15\) failed \(3: No such process\)"):
        send(launched(tmp_path, "pid p.pid; events {}", gone.pid), "stop")
    (tmp_path / "p.pid").unlink()
    with pytest.raises(StartError, match=r'p\.pid" failed \(2: No such file or directory\)'):
        send(launch_of(str(tmp_path), "c", "", None, False, ()), "stop")


def test_who_does_not_tell_outcomes_is_not_waited_for(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(StartError, match="does not tell"):
        send(launched(tmp_path, "pid p.pid; events {}", other.pid), "reload")
    assert other.communicate()[0].strip() == "SIGHUP"


def waited(tmp_path: Path, pid: int, *steps: str) -> None:
    """Wait for a reload of a master that has done these steps since it was asked."""
    file = OutcomeFile(pid)
    file.place(str(tmp_path / "p.pid"))
    path = path_beside(str(tmp_path / "p.pid"))
    before = read_outcome(path)
    for step in steps:
        file.begin()
        file.end(step)
    watch = os.pidfd_open(pid)
    try:
        wait_for_reload(path, before, pid, watch)
    finally:
        os.close(watch)


def test_a_reload_that_was_applied(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    waited(tmp_path, other.pid, "")


def test_a_reload_that_was_refused(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(StartError, match=r"the old one stays in force: bad thing in /c:1"):
        waited(tmp_path, other.pid, "bad thing in /c:1")


def test_a_master_that_ends_meanwhile(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.terminate()
    with pytest.raises(StartError, match="ended while it was to reload"):
        waited(tmp_path, other.pid)
