"""Sessions whose server was removed."""

from __future__ import annotations

import socket
from pathlib import Path

from workerbench import Bench

from penstock.shared.model.address import ipv4
from penstock.worker.removal import drop_removed

CONFIG = """
upstream group { server 127.0.0.1:%%UP%%; server 127.0.0.1:1 backup; }
server { listen 127.0.0.1:%%PORT_a%%; proxy_pass group; proxy_session_drop on; }
server { listen 127.0.0.1:%%PORT_b%%; proxy_pass group; }
"""


def removed(bench: Bench) -> int:
    """Let the group's first server be another."""
    balancer = bench.worker.balancers["group"]
    balancer.set_addresses(0, [ipv4("127.0.0.1", 2)])
    return drop_removed(bench.worker, balancer)


def test_only_sessions_that_ask_for_it_are_dropped(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        with Bench(CONFIG, tmp_path, UP=listening.getsockname()[1]) as bench:
            kept, _, _ = bench.relay(listening, "b")
            near = bench.client("a")
            bench.accepted(listening)
            dropped = next(session for session in bench.relaying(2) if session is not kept)
            assert removed(bench) == 1
            assert (dropped.status, kept.status) == (502, 0)
            bench.until(lambda: near.recv(1) == b"")


def test_a_server_that_stays_keeps_its_sessions(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        up = listening.getsockname()[1]
        with Bench(CONFIG, tmp_path, UP=up) as bench:
            session, _, _ = bench.relay(listening, "a")
            balancer = bench.worker.balancers["group"]
            balancer.set_addresses(0, [ipv4("127.0.0.1", 2), ipv4("127.0.0.1", up)])
            assert drop_removed(bench.worker, balancer) == 0
            assert session.status == 0
