"""Reloading and ending: nobody who is being served, or who comes, is to notice."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import ask, connect, echoed, ended_without_a_byte
from daemon import environment
from deadline import seconds, wait_for
from gate import Gate
from load import Load
from peers import Peer
from processes import alive

CONFIG = """
worker_processes 2;
stream {
    log_format short '$server_port $status';
    access_log %%DIR%%/access.log short;
    server { listen 127.0.0.1:%%PORT_echo%%; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_version%%; return one; }
}
"""
NOTHING_BUT_TRACEBACKS = re.compile("Traceback")
"""A refused reload is logged as [emerg], as nginx does."""


@pytest.fixture
def gate(tmp_path: Path, echo: Peer) -> Iterator[Gate]:
    with Gate(tmp_path, CONFIG, ECHO=echo) as running:
        yield running


def with_workers(count: int) -> str:
    return CONFIG.replace("worker_processes 2", f"worker_processes {count}")


def reload_by_command(gate: Gate) -> subprocess.CompletedProcess[str]:
    """`penstock -s reload` on a running gate."""
    return subprocess.run(
        [*gate.command(), "-s", "reload"],
        env=environment(), capture_output=True, text=True, timeout=seconds(30), check=False,
    )  # fmt: skip


@pytest.mark.timeout(240)
@pytest.mark.parametrize("counts", [(2,), (1, 3, 2, 4)], ids=["same-workers", "changing-workers"])
def test_twenty_reloads_under_load_fail_nobody(gate: Gate, counts: tuple[int, ...]) -> None:
    sessions = [connect(gate.port("echo")) for _ in range(6)]
    with Load(gate.port("echo")) as load:
        for turn in range(20):
            gate.reload(with_workers(counts[turn % len(counts)]))
            for client in sessions:
                assert echoed(client, b"still here") == b"still here"
    for client in sessions:
        client.close()
    assert load.failures == []
    assert load.served > 20


def test_old_workers_leave_when_their_sessions_have_ended(gate: Gate) -> None:
    old = gate.workers()
    with connect(gate.port("echo")) as client:
        echoed(client, b"x")
        gate.reload()
        wait_for(lambda: sum(map(alive, old)) == 1, "the idle old worker has left")
        assert echoed(client, b"y") == b"y"
    wait_for(lambda: not any(map(alive, old)), "the old workers have left")
    assert len(gate.workers()) == 2


def test_a_reload_brings_the_new_configuration(gate: Gate) -> None:
    assert ask(gate.port("version")) == b"one"
    gate.reload(CONFIG.replace("return one", "return two"))
    assert ask(gate.port("version")) == b"two"


def test_a_reload_opens_and_closes_listeners(gate: Gate) -> None:
    more = "    server { listen 127.0.0.1:%%PORT_more%%; return more; }\n}\n"
    gate.reload(CONFIG.rstrip().removesuffix("}") + more)
    assert ask(gate.port("more")) == b"more"
    gate.reload(CONFIG)

    def closed() -> bool:
        try:
            connect(gate.port("more")).close()
        except ConnectionRefusedError:
            return True
        return False

    wait_for(closed, "the port that left the configuration is closed")


def test_a_bad_configuration_changes_nothing(gate: Gate) -> None:
    workers, generation = gate.workers(), gate.generation()
    gate.write(CONFIG.replace("return one", "retrun one"))
    gate.signal(signal.SIGHUP)
    gate.wait_metric("penstock_config_last_reload_success", 0)
    assert "retrun" in gate.logged(r"retrun")
    assert gate.workers() == workers
    assert gate.generation() == generation
    assert ask(gate.port("version")) == b"one"
    gate.trouble = NOTHING_BUT_TRACEBACKS
    gate.reload(CONFIG)
    assert gate.metric("penstock_config_last_reload_success") == 1


def test_the_reload_command_waits_for_the_outcome(gate: Gate) -> None:
    gate.write(CONFIG.replace("return one", "return two"))
    assert reload_by_command(gate).returncode == 0
    assert ask(gate.port("version")) == b"two"


def test_the_reload_command_tells_a_refusal(gate: Gate) -> None:
    gate.write(CONFIG.replace("return one", "retrun one"))
    result = reload_by_command(gate)
    assert result.returncode == 1
    assert "retrun" in result.stderr
    gate.trouble = NOTHING_BUT_TRACEBACKS


def test_counters_do_not_go_back_over_a_reload(gate: Gate) -> None:
    with connect(gate.port("echo")) as client:
        echoed(client, b"x" * 100)
    gate.wait_metric("penstock_sessions_total", 1)
    before = gate.metrics().counters()
    gate.reload()
    after = gate.metrics().counters()
    assert {key: after.get(key) for key, value in before.items() if after.get(key, 0) < value} == {}


def test_quit_lets_sessions_end(gate: Gate) -> None:
    with connect(gate.port("echo")) as client:
        echoed(client, b"x")
        gate.signal(signal.SIGQUIT)
        wait_for(lambda: refuses(gate.port("echo")), "the port is closed")
        assert echoed(client, b"y") == b"y"
    assert gate.stop(signal.SIGQUIT) == 0
    assert not gate.pid_file.exists()


def test_worker_shutdown_timeout_ends_what_lasts(gate: Gate) -> None:
    gate.reload("worker_shutdown_timeout 300ms;" + CONFIG)
    with connect(gate.port("echo")) as client:
        echoed(client, b"x")
        gate.signal(signal.SIGQUIT)
        assert ended_without_a_byte(client)
    gate.logged(r"\[notice\] .* gracefully shutting down$")
    gate.logged(r"\[info\] .* shutdown timeout while proxying connection, client: 127\.0\.0\.1, .* upstream: ")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_term_ends_at_once(gate: Gate, sig: signal.Signals) -> None:
    with connect(gate.port("echo")) as client:
        echoed(client, b"x")
        assert gate.stop(sig, within=5) == 0
        assert ended_without_a_byte(client)
    assert not gate.pid_file.exists()


def test_usr1_reopens_the_logs(gate: Gate) -> None:
    ask(gate.port("version"))
    gate.session("version")
    (gate.directory / "access.log").rename(gate.directory / "access.log.1")
    gate.signal(signal.SIGUSR1)
    wait_for(lambda: (gate.directory / "access.log").exists(), "the log is there again")
    wait_for(lambda: ask(gate.port("version")) and gate.read("access.log"), "new lines go to the new file")


def test_workers_leave_when_the_master_vanishes(gate: Gate) -> None:
    workers = gate.workers()
    with connect(gate.port("echo")) as client:
        echoed(client, b"x")
        os.kill(gate.pid, signal.SIGKILL)
        wait_for(lambda: not any(map(alive, workers)), "the workers have left", within=5)
    gate.stop()


def test_what_is_being_sent_is_sent_whole_over_a_reload(gate: Gate) -> None:
    with connect(gate.port("echo")) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"x" * 200_000)
        gate.reload()
        count = 0
        while count < 200_000:
            count += len(client.recv(65536))
    assert count == 200_000


def refuses(port: int) -> bool:
    """Whether nobody listens on a port."""
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_the_started_process_is_named(gate: Gate) -> None:
    title = Path(f"/proc/{gate.pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    assert title.startswith("penstock: master process")
    worker = Path(f"/proc/{gate.workers()[0]}/cmdline").read_bytes().split(b"\0")[0].decode()
    assert worker.startswith("penstock: worker process")
    assert sys.executable not in title
