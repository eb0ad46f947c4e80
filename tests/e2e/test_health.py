"""Health checks of a started Penstock: probed once for all workers, told in metrics and in the log."""

from __future__ import annotations

from pathlib import Path

from clients import connect, ended_without_a_byte, name_of_peer, read_all
from deadline import wait_for
from gate import Gate
from peers import Peer, says
from ports import free_port

CONFIG = """
worker_processes 2;
stream {
    upstream u {
        server %%A%% max_fails=0;
        server 127.0.0.1:%%PORT_b%% max_fails=0;
        health_check interval=100ms timeout=5s rise=1 fall=1;
    }
    server { listen 127.0.0.1:%%PORT_a%%; proxy_pass u; proxy_next_upstream off; proxy_session_drop on; }
}
"""


def test_a_peer_that_fails_its_check_gets_no_sessions_of_any_worker(tmp_path: Path) -> None:
    port = free_port()
    with Peer(says("A")) as a, Gate(tmp_path, CONFIG.replace("%%PORT_b%%", str(port)), A=a) as gate:
        up = {"upstream": "u", "peer": f"127.0.0.1:{port}"}
        gate.wait_metric("penstock_upstream_peer_up", 0, **up)
        assert gate.metric("penstock_upstream_peer_up", upstream="u", peer=str(a)) == 1
        assert {name_of_peer(gate.port("a")) for _ in range(20)} == {"A"}
        assert gate.error_log.read_text().count(f"health check of 127.0.0.1:{port}") == 1  # not once per worker
        with Peer(says("B"), port=port):
            gate.wait_metric("penstock_upstream_peer_up", 1, **up)
            assert {name_of_peer(gate.port("a")) for _ in range(40)} == {"A", "B"}


def test_a_reload_forgets_nothing(tmp_path: Path) -> None:
    port = free_port()
    with Peer(says("A")) as a, Gate(tmp_path, CONFIG.replace("%%PORT_b%%", str(port)), A=a) as gate:
        gate.wait_metric("penstock_upstream_peer_up", 0, upstream="u", peer=f"127.0.0.1:{port}")
        gate.reload()
        assert {name_of_peer(gate.port("a")) for _ in range(20)} == {"A"}
        assert gate.error_log.read_text().count(f"health check of 127.0.0.1:{port}") == 1


def test_sessions_with_a_peer_that_is_found_dead_are_cut(tmp_path: Path) -> None:
    port = free_port()
    text = CONFIG.replace("%%PORT_b%%", str(port)).replace("server %%A%% max_fails=0;", "")
    text = text.replace("rise=1", f"port={free_port()} rise=1")
    with Peer(says("B"), port=port), Gate(tmp_path, text) as gate, connect(gate.port("a")) as client:
        wait_for(lambda: "it gets no more sessions" in gate.error_log.read_text(), "the check has failed")
        assert read_all(client) in (b"", b"B")
        with connect(gate.port("a")) as another:
            assert ended_without_a_byte(another)
