"""`zone`: what one worker learns of a peer all workers know."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from clients import connect, name_of_peer, read_exactly
from daemon import Daemon
from deadline import wait_for
from gate import Gate
from oracle import PROGRAMS, oracle
from peers import Peer

CONFIG = """
worker_processes 3;
stream {
    log_format tries '$server_port $status $upstream_addr';
    access_log %%DIR%%/access.log tries;

    upstream turns   { zone all 64k; server %%A%% weight=5; server %%B%%; server %%C%%; }
    upstream full    { zone all; server %%A%% max_conns=2; server %%B%% max_conns=3; }
    upstream lone    { zone all; server %%A%% max_conns=2; }
    upstream failing { zone own 64k; server 127.0.0.1:%%PORT_dead%% fail_timeout=1h; server %%B%%; }
    upstream least   { zone least 64k; least_conn; server %%A%%; server %%B%% weight=2; server %%C%%; }
    upstream hashed  { zone hashed 64k; hash $remote_addr consistent; server %%A%% max_conns=1; server %%B%% max_conns=1; }

    server { listen 127.0.0.1:%%PORT_turns%% reuseport;   proxy_pass turns; }
    server { listen 127.0.0.1:%%PORT_full%% reuseport;    proxy_pass full; }
    server { listen 127.0.0.1:%%PORT_lone%% reuseport;    proxy_pass lone; }
    server { listen 127.0.0.1:%%PORT_failing%% reuseport; proxy_pass failing; }
    server { listen 127.0.0.1:%%PORT_least%% reuseport;   proxy_pass least; }
    server { listen 127.0.0.1:%%PORT_hashed%% reuseport;  proxy_pass hashed; }
}
"""


@pytest.fixture(params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, peer_a: Peer, peer_b: Peer, peer_c: Peer
) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("zone")
    with oracle(request.param, directory, CONFIG, A=peer_a, B=peer_b, C=peer_c) as daemon:
        yield daemon


def held(stack: ExitStack, daemon: Daemon, port: str, count: int) -> str:
    """Whom sessions reach that stay open; nothing for those that reach nobody."""
    said = ""
    for _ in range(count):
        client = stack.enter_context(connect(daemon.port(port)))
        try:
            said += read_exactly(client, 1).decode()
        except ConnectionResetError:
            pass
    return said


def test_turns_are_taken_by_all_workers_together(running: Daemon) -> None:
    assert "".join(name_of_peer(running.port("turns")) for _ in range(21)) == "aabacaa" * 3


def test_max_conns_holds_over_the_workers(running: Daemon) -> None:
    with ExitStack() as stack:
        assert Counter(held(stack, running, "full", 9)) == {"a": 2, "b": 3}
        assert held(stack, running, "lone", 5) == "aa"


def test_a_failure_is_seen_once(running: Daemon, peer_b: Peer) -> None:
    assert {name_of_peer(running.port("failing")) for _ in range(12)} == {"b"}
    dead = f"127.0.0.1:{running.port('dead')}, "
    assert Counter(running.sessions("failing", 12)) == {f"200 {dead}{peer_b}": 1, f"200 {peer_b}": 11}


def test_least_conn_counts_everybodys_sessions(running: Daemon) -> None:
    with ExitStack() as stack:
        assert Counter(held(stack, running, "least", 16)) == {"a": 4, "b": 8, "c": 4}


def test_hashing_knows_who_is_full(running: Daemon) -> None:
    with ExitStack() as stack:
        assert sorted(held(stack, running, "hashed", 4)) == ["a", "b"]


def replaced(gate: Gate, pid: int) -> bool:
    return pid not in gate.workers() and len(gate.workers()) == 3


def test_sessions_of_a_killed_worker_do_not_count(
    tmp_path_factory: pytest.TempPathFactory, peer_a: Peer, peer_b: Peer, peer_c: Peer
) -> None:
    """In nginx they count for ever."""
    with Gate(tmp_path_factory.mktemp("killed"), CONFIG, A=peer_a, B=peer_b, C=peer_c) as gate:
        gate.trouble = re.compile(r"Traceback|\[emerg\]")
        with ExitStack() as stack:
            assert len(held(stack, gate, "full", 12)) == 5
            for pid in gate.workers():
                os.kill(pid, signal.SIGKILL)
                wait_for(partial(replaced, gate, pid), "a worker is born again")
            wait_for(lambda: len(held(stack, gate, "full", 1)) == 1, "there is room")
            assert len(held(stack, gate, "full", 8)) == 4
