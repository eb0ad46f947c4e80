"""Plugins over a server's life: mistakes found at the test and the start, reloads, stops and rotated files."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path
from typing import Final

import pytest
from clients import connect, read_all
from deadline import wait_for
from gate import Gate, Tried
from peers import Peer

FOLDER: Final = Path(__file__).parent.parent / "data" / "plugins"


def first_words(gate: Gate) -> bytes:
    with connect(gate.port("r")) as client:
        return read_all(client)


def test_a_reload_brings_new_code_and_a_broken_one_leaves_the_old(tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    plugin = folder / "greeter.py"
    text = "from penstock.plugin import Plugin\nclass Greeter(Plugin):\n    def preread(self, session):\n        %s\n"
    server = "server { listen 127.0.0.1:%%PORT_r%%; proxy_pass 127.0.0.1:9; }"
    config = f"stream {{ plugin_path {folder}; plugin greeter {{}} {server} }}"
    plugin.write_text(text % "session.answer(b'one')")
    with Gate(tmp_path, config) as other:
        assert first_words(other) == b"one"
        plugin.write_text(text % "session.answer(b'two')")
        other.reload()
        assert first_words(other) == b"two"
        plugin.write_text("import nothing_of_this_name\n")
        other.trouble = re.compile(r"\[alert\]")
        other.signal(signal.SIGHUP)
        other.wait_metric("penstock_config_last_reload_success", 0)
        assert "No module named 'nothing_of_this_name'" in other.logged("cannot be imported")
        assert first_words(other) == b"two"


@pytest.mark.parametrize("flags", [("-t",), ()])
def test_a_mistake_in_a_plugins_block_is_found_by_the_test_and_at_the_start(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    text = """
    stream {
        server { listen 127.0.0.1:%%PORT_a%%; return x; }
        plugin ip-restriction {
            deny 10.0.0.0/8;
            statsu 403;
        }
    }"""
    tried = Tried(tmp_path, text, *flags)
    assert tried.status == 1
    line = tried.line_of("statsu")
    assert f'unknown field "statsu" in {tried.file}:{line} (did you mean "status"?)' in tried.said


def test_plugins_that_are_right_pass_the_test(tmp_path: Path) -> None:
    text = "stream { server { listen 127.0.0.1:%%PORT_a%%; return x; } plugin file-log { path records; } }"
    tried = Tried(tmp_path, text, "-t")
    assert tried.status == 0, tried.said
    assert "records" not in tried.left()


COUNTING: Final = """
worker_processes 3;
stream {
    plugin_path %%FOLDER%%;
    server { listen 127.0.0.1:%%PORT_c%%; proxy_pass %%ECHO%%; }
    plugin counter {}
}
"""


def test_plugins_count_over_all_workers_and_over_a_reload(tmp_path: Path, echo: Peer) -> None:
    def status(client: socket.socket) -> bool:
        """Whether a session was let in."""
        try:
            client.sendall(b"x")
            return client.recv(1) == b"x"
        except ConnectionError:
            return False

    with Gate(tmp_path, COUNTING, FOLDER=FOLDER, ECHO=echo) as gate:
        clients = [connect(gate.port("c")) for _ in range(6)]
        let_in = [client for client in clients if status(client)]
        assert len(let_in) == 2
        for client in clients:
            client.close()
        wait_for(lambda: gate.metric("penstock_sessions_active", listener=f"127.0.0.1:{gate.port('c')}") == 0, "idle")
        gate.reload()
        later = 0
        for _ in range(6):
            with connect(gate.port("c")) as client:
                later += status(client)
        assert later == 2, "four in all, over the reload"
        assert gate.metric("penstock_plugin_errors_total", plugin="counter", phase="log") == 0


QUEUED: Final = """
stream {
    server { listen 127.0.0.1:%%PORT_q%%; return hello; }
    plugin file-log { path records; queue { max_batch_size 100; max_coalescing_delay 1h; } }
}
"""


def test_what_is_queued_is_delivered_at_a_reload_and_at_a_graceful_stop(tmp_path: Path) -> None:
    records = tmp_path / "records"

    def sessions() -> int:
        return len(records.read_text().splitlines())

    with Gate(tmp_path, QUEUED) as gate:
        for _ in range(3):
            with connect(gate.port("q")) as client:
                assert read_all(client) == b"hello"
        gate.wait_metric("penstock_plugin_records_total", 3, plugin="file-log", outcome="queued")
        assert sessions() == 0
        gate.reload()
        wait_for(lambda: sessions() == 3, "what the old workers had")
        with connect(gate.port("q")) as client:
            read_all(client)
        assert gate.stop(signal.SIGQUIT) == 0
        assert sessions() == 4


def test_rotated_records_are_followed(tmp_path: Path) -> None:
    text = "stream { server { listen 127.0.0.1:%%PORT_q%%; return x; } plugin file-log { path records; } }"
    with Gate(tmp_path, text) as gate:
        with connect(gate.port("q")) as client:
            read_all(client)
        records = tmp_path / "records"
        wait_for(lambda: records.read_text(), "the first record")
        records.rename(tmp_path / "old")
        gate.signal(signal.SIGUSR1)
        wait_for(records.exists, "the new file")
        with connect(gate.port("q")) as client:
            read_all(client)
        wait_for(lambda: records.read_text(), "the second record")
        assert len((tmp_path / "old").read_text().splitlines()) == 1
