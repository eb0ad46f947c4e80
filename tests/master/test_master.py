"""The master on stand-in workers: reloads, deaths, signals. Real forks, real signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import connect
from daemon import environment
from deadline import seconds, wait_for
from load import Load
from processes import alive
from standing import ECHO, Standing

TWO = f"worker_processes 2;\n{ECHO}"
REFUSED = re.compile(r"\[alert\]|Traceback")
KILLED = re.compile(r"\[emerg\]|Traceback")


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Standing]:
    with Standing(tmp_path, TWO) as running:
        yield running


def order(master: Standing, word: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        master.ordered(word), env=environment(), capture_output=True, text=True, timeout=seconds(30), check=False
    )


def outcome(master: Standing) -> dict[str, object]:
    found: dict[str, object] = json.loads(master.read("penstock.pid.reload"))
    return found


def visit(port: int) -> None:
    """One client of the stand-in: any answer will do."""
    with connect(port) as client:
        client.sendall(b"x")
        if not client.recv(100):
            raise ConnectionError("closed without an answer")


def misbehave(master: Standing, how: str, text: str = "") -> Path:
    """Have the next workers misbehave for as long as the file is there."""
    path = master.directory / how
    path.write_text(text)
    return path


@pytest.fixture
def mischief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_FAIL", str(tmp_path / "fail"))
    monkeypatch.setenv("STANDIN_DIE", str(tmp_path / "die"))


def test_twenty_reloads_with_changing_workers_lose_no_connection(master: Standing) -> None:
    with connect(master.port("echo")) as old, Load(master.port("echo"), visit=visit) as load:
        for turn in range(20):
            master.reload(TWO.replace("processes 2", f"processes {(1, 4, 2, 3)[turn % 4]}"))
        old.sendall(b"x")
        assert old.recv(100).split()[1] == b"1"
    assert load.failures == []
    assert load.served > 20


def test_a_new_generation_takes_over_and_the_old_one_ends(master: Standing) -> None:
    before = master.workers()
    assert master.ask()[1] == 1
    master.reload()
    assert master.ask()[1] == 2
    wait_for(lambda: not any(map(alive, before)), "the old workers have ended")
    assert len(master.workers()) == 2


def test_hups_during_a_reload_are_one_more_reload(master: Standing) -> None:
    for _ in range(5):
        master.signal(signal.SIGHUP)
    wait_for(lambda: outcome(master)["ended"], "a reload has ended")
    wait_for(lambda: outcome(master)["begun"] == outcome(master)["ended"], "all reloads have ended")
    assert 1 <= master.generation() - 1 <= 5
    assert master.ask()[1] == master.generation()


@pytest.mark.usefixtures("mischief")
def test_a_worker_that_cannot_start_refuses_the_reload(tmp_path: Path) -> None:
    with Standing(tmp_path, TWO) as master:
        master.trouble = REFUSED
        before = master.workers()
        broken = misbehave(master, "fail", "no plugin in /x:1")
        result = order(master, "reload")
        assert result.returncode == 1
        assert "no plugin in /x:1" in result.stderr
        assert master.metric("penstock_config_last_reload_success") == 0
        wait_for(lambda: master.workers() == before, "only the old workers are there")
        assert master.ask()[1] == 1
        broken.unlink()
        assert order(master, "reload").returncode == 0
        assert master.metric("penstock_config_last_reload_success") == 1


@pytest.mark.usefixtures("mischief")
def test_more_workers_that_die_at_birth_cost_no_connection(tmp_path: Path) -> None:
    """The sockets that the refused generation added never had a client in their queues."""
    with Standing(tmp_path, TWO) as master:
        master.trouble = REFUSED
        misbehave(master, "die")
        master.write(TWO.replace("processes 2", "processes 6"))
        with Load(master.port("echo"), visit=visit) as load:
            for _ in range(2):
                assert order(master, "reload").returncode == 1
        assert load.failures == []
        assert "exited with code 7 before it was ready" in master.errors()


def test_the_command_tells_why_a_reload_was_refused(master: Standing) -> None:
    master.trouble = REFUSED
    master.write("nonsense;\n" + TWO)
    result = order(master, "reload")
    assert result.returncode == 1
    assert 'unknown directive "nonsense"' in result.stderr
    assert 'unknown directive "nonsense"' in master.errors()
    assert order(master, "quit").returncode == 0
    assert master.process is not None
    assert master.process.wait(seconds(10)) == 0


def test_a_dead_worker_is_born_again_at_once(master: Standing) -> None:
    master.trouble = KILLED
    victim = master.workers()[0]
    os.kill(victim, signal.SIGKILL)
    master.logged(rf"\[alert\] .*worker process {victim} exited on signal 9; perhaps out of memory\?")
    wait_for(lambda: master.metric("penstock_workers") == 2, "two workers are ready")
    assert victim not in master.workers()
    assert master.metric("penstock_worker_deaths_total") == 1


@pytest.mark.usefixtures("mischief")
def test_one_that_keeps_dying_is_born_ever_more_slowly(tmp_path: Path) -> None:
    with Standing(tmp_path, TWO) as master:
        master.trouble = KILLED
        cause = misbehave(master, "die")
        os.kill(master.workers()[0], signal.SIGKILL)
        master.all_logged("exited with code 7", 4)
        cause.unlink()
        wait_for(lambda: master.metric("penstock_workers") == 2, "it could be born in the end")
        assert master.errors().count("exited with code 7") <= 6


def test_winch_sends_workers_home_and_hup_brings_new_ones(master: Standing) -> None:
    if os.isatty(0) or (Path("/dev/tty").exists() and can_open_tty()):
        pytest.skip("a terminal's window changes are ignored")
    master.signal(signal.SIGWINCH)
    wait_for(lambda: master.workers() == [], "the workers have ended")
    assert master.metric("penstock_workers") == 0
    master.reload()
    assert master.ask()[1] == 2


def can_open_tty() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def test_usr1_follows_rotated_logs(master: Standing) -> None:
    master.error_log.rename(master.directory / "error.log.1")
    assert order(master, "reopen").returncode == 0
    wait_for(master.error_log.exists, "there is a new log")


def test_the_pid_file_moves_with_the_configuration(master: Standing) -> None:
    text = master.file.read_text()
    moved = master.directory / "moved.pid"
    master.file.write_text(text.replace(str(master.pid_file), str(moved)))
    master.signal(signal.SIGHUP)
    wait_for(moved.exists, "the pid file has moved")
    wait_for(lambda: not master.pid_file.exists(), "the old one is gone")
    assert (master.directory / "moved.pid.reload").exists()
    master.stop()
    assert sorted(path.name for path in master.directory.glob("*.pid*")) == []


@pytest.mark.parametrize("word", ["stop", "quit"])
def test_the_end_leaves_nothing_behind(master: Standing, word: str) -> None:
    workers = master.workers()
    assert order(master, word).returncode == 0
    assert master.process is not None
    assert master.process.wait(seconds(10)) == 0
    assert not any(map(alive, workers))
    assert not master.pid_file.exists()
    assert not (master.directory / "penstock.pid.reload").exists()
