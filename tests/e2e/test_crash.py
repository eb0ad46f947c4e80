"""A worker is killed under load: only what it was serving is lost."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import connect, echoed, ended_without_a_byte
from deadline import wait_for
from gate import Gate
from load import Load
from peers import Peer
from processes import clients_of

CONFIG = """
worker_processes 2;
stream { server { listen 127.0.0.1:%%PORT_echo%%; proxy_pass %%ECHO%%; } }
"""
EXPECTED = re.compile(r"\[alert\](?!.* exited on signal 9)|\[emerg\]|Traceback")


@pytest.fixture
def gate(tmp_path: Path, echo: Peer) -> Iterator[Gate]:
    with Gate(tmp_path, CONFIG, ECHO=echo) as running:
        running.trouble = EXPECTED
        yield running


def opened(gate: Gate, count: int) -> dict[int, socket.socket]:
    """Sessions under way, by the client's port."""
    clients = [connect(gate.port("echo")) for _ in range(count)]
    for client in clients:
        assert echoed(client, b"x") == b"x"
    return {client.getsockname()[1]: client for client in clients}


def kill_worker(gate: Gate) -> int:
    """Kill the first worker, and wait for the one that replaces it."""
    victim = gate.workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: victim not in gate.workers() and len(gate.workers()) == 2, "the worker is replaced")
    return victim


def test_only_the_dead_workers_sessions_are_lost(gate: Gate) -> None:
    sessions = opened(gate, 40)
    doomed = clients_of(gate.workers()[0]) & sessions.keys()
    assert 0 < len(doomed) < 40
    kill_worker(gate)
    for port, client in sessions.items():
        if port in doomed:
            assert ended_without_a_byte(client)
        else:
            assert echoed(client, b"y") == b"y"
        client.close()


def test_accepting_goes_on(gate: Gate) -> None:
    with Load(gate.port("echo")) as load:
        for _ in range(3):
            kill_worker(gate)
            served = load.served
            wait_for(lambda: load.served > served + 50, "clients are served")  # noqa: B023  used at once
    lost = [failure for failure in load.failures if "Reset" not in failure and "answered b''" not in failure]
    assert lost == []
    assert len(load.failures) <= 3 * len(load.threads)


def test_counters_do_not_go_back(gate: Gate) -> None:
    sessions = opened(gate, 20)
    for client in sessions.values():
        echoed(client, b"z" * 1000)
    before = gate.metrics().counters()
    deaths = gate.metric("penstock_worker_deaths_total")
    kill_worker(gate)
    gate.wait_metric("penstock_worker_deaths_total", deaths + 1)
    after = gate.metrics().counters()
    assert {key: after.get(key) for key, value in before.items() if after.get(key, 0) < value} == {}
    for client in sessions.values():
        client.close()
    gate.wait_metric("penstock_sessions_active", 0)


def test_the_death_is_explained_once(gate: Gate) -> None:
    victim = kill_worker(gate)
    gate.logged(rf"\[alert\] .* worker process {victim} exited on signal 9")
    assert gate.errors().count(f"worker process {victim} exited") == 1
