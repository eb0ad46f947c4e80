"""A worker's life as its master sees it: words over the control socket, and exit statuses."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import setproctitle
from deadline import seconds
from descriptors import RUNNING, descriptors_up_to
from workerbench import Bench

from penstock.shared.messages import MAX_MESSAGE, Verb, decode, encode
from penstock.worker import main as main_module
from penstock.worker.main import EXIT_CRASHED, Life

TEXT = """
server { listen 127.0.0.1:%%PORT_a%% proxy_protocol; return in; }
server { listen 127.0.0.1:%%PORT_b%%; access_log %%DIR%%/access.log said buffer=64k flush=1h; return hello; }
log_format said "$status $bytes_sent";
"""
ROOT = Path(__file__).parents[2]


class Living(Bench):
    """A bench whose worker lives a whole life, and stands for its master."""

    def start(self) -> None:
        self.life = Life(self.birth, self.loop)
        self.worker = self.life.worker
        self.running = self.loop.create_task(self.life.run(), name="life")
        assert self.heard() == (Verb.READY, "")
        assert self.life.plan is not None
        self.plan = self.life.plan

    def heard(self) -> tuple[Verb, str]:
        return decode(self.tried(self.master.recv, MAX_MESSAGE))

    def tell(self, verb: Verb, text: str = "") -> None:
        self.master.send(encode(verb, text))

    def ended_with(self) -> int:
        self.until(self.running.done, "the worker ends")
        return self.running.result()

    def stop(self) -> None:
        if not self.running.done():
            self.tell(Verb.STOP)
            self.ended_with()


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Living]:
    thresholds, title = gc.get_threshold(), setproctitle.getproctitle()
    try:
        with Living(TEXT, tmp_path) as bench:
            yield bench
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        setproctitle.setproctitle(title)


def test_it_serves_once_it_is_ready(living: Living) -> None:
    assert living.hear_all(living.client("b")) == b"hello"


def test_a_stop_ends_it_at_once(living: Living) -> None:
    client = living.client()
    living.until(lambda: living.worker.sessions)
    living.tell(Verb.STOP)
    assert living.ended_with() == 0
    assert client.recv(1) == b""


def test_a_drain_lets_sessions_end(living: Living) -> None:
    client = living.client()
    living.until(lambda: living.worker.sessions)
    living.tell(Verb.DRAIN)
    living.until(lambda: living.worker.draining)
    assert setproctitle.getproctitle() == main_module.LEAVING_TITLE
    assert not living.running.done()
    client.close()
    assert living.ended_with() == 0


def test_a_drain_with_a_limit_does_not_wait_for_ever(living: Living) -> None:
    living.client()
    living.until(lambda: living.worker.sessions)
    living.tell(Verb.DRAIN, "0.1")
    assert living.ended_with() == 0


def test_buffered_log_lines_are_on_disk_when_it_ends(living: Living) -> None:
    living.hear_all(living.client("b"))
    living.idle()
    living.tell(Verb.STOP)
    living.ended_with()
    assert (living.directory / "access.log").read_text() == "200 5\n"


def test_logs_are_reopened(living: Living) -> None:
    log = living.directory / "access.log"
    log.rename(living.directory / "access.log.1")
    living.tell(Verb.REOPEN)
    living.until(log.exists)
    living.hear_all(living.client("b"))
    living.idle()
    living.tell(Verb.STOP)
    living.ended_with()
    assert log.read_text() == "200 5\n"


def test_when_the_master_is_gone_it_goes_too(living: Living) -> None:
    living.master.close()
    assert living.ended_with() == 0
    assert living.line("the master process is gone, exiting")


def test_when_the_master_is_gone_sessions_get_a_moment(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_module, "ORPHAN_GRACE", 0.1)
    client = living.client()
    living.until(lambda: living.worker.sessions)
    living.master.close()
    assert living.ended_with() == 0
    assert client.recv(1) == b""


def test_a_master_that_goes_during_a_drain_cuts_it_short(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_module, "ORPHAN_GRACE", 0.1)
    living.client()
    living.until(lambda: living.worker.sessions)
    living.tell(Verb.DRAIN)
    living.until(lambda: living.worker.draining)
    living.master.close()
    assert living.ended_with() == 0


PROGRAM = """
import dataclasses, os, pathlib, sys
from workerbench import Bench
from penstock.worker.main import main
bench = Bench(sys.argv[2], pathlib.Path(sys.argv[1]))
main(dataclasses.replace(bench.birth, **eval(sys.argv[3])))
"""


def exit_status(tmp_path: Path, text: str, replaced: str) -> tuple[int, str]:
    """How a worker process ends, and what its log says."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), text, replaced],
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests/support'}"},
        capture_output=True,
        timeout=seconds(30),
        check=False,
    )
    return result.returncode, (tmp_path / "worker.log").read_text()


def test_a_change_arrives_where_sessions_have_taken_all_descriptors(living: Living) -> None:
    change = os.memfd_create("change")
    with descriptors_up_to(RUNNING):
        for number in ("7", "8"):
            socket.send_fds(living.master, [encode(Verb.APPLY, number)], [change])
            assert living.heard() == (Verb.APPLIED, number)
    os.close(change)


def test_a_mistake_inside_the_loop_is_told(living: Living) -> None:
    living.allowed_alerts = 1
    living.loop.call_soon(lambda: 1 / 0)
    living.until(lambda: living.lines("unexpected ZeroDivisionError"), "it is told")
    living.loop.call_exception_handler({"message": "fatal", "exception": OSError("unreachable")})
    assert living.lines("fatal: unreachable")


def test_a_crash_is_told_and_is_no_good_exit(tmp_path: Path) -> None:
    status, log = exit_status(tmp_path, TEXT, "{'listeners': ((None, None),)}")
    assert status == EXIT_CRASHED
    assert "[alert]" in log
    assert "worker process crashed" in log
