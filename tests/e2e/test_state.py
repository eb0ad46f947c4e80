"""`state`: servers of an upstream in a file, read at the start and at every reload."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import connect, ended_without_a_byte, name_of_peer
from gate import Gate, Tried
from peers import Peer

CONFIG = """
stream {
    log_format access '$server_port $status $upstream_addr';
    access_log %%DIR%%/access.log access;
    upstream group { zone group 64k; state %%DIR%%/group.conf; }
    server { listen 127.0.0.1:%%PORT_group%%; proxy_pass group; }
}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with Gate(tmp_path_factory.mktemp("state"), CONFIG) as gate:
        yield gate


def test_servers_come_and_go_with_reloads(running: Gate, peer_a: Peer, peer_b: Peer) -> None:
    state = running.directory / "group.conf"
    with connect(running.port("group")) as client:
        assert ended_without_a_byte(client)
    assert running.session("group") == "502 group"
    running.logged(r'\[error\] .* no live upstreams while connecting to upstream, .* upstream: "group"')

    for servers, wanted in ((f"server {peer_a};", "aa"), (f"server {peer_a}; server {peer_b} weight=2;", "abb")):
        state.write_text(servers)
        running.reload()
        assert "".join(sorted(name_of_peer(running.port("group")) for _ in wanted)) == wanted


def test_a_bad_state_file_is_told_with_its_line(tmp_path: Path) -> None:
    state = tmp_path / "group.conf"
    state.write_text("server 127.0.0.1:1;\nserver 127.0.0.1:2 wait=1;\n")
    tried = Tried(tmp_path, CONFIG, "-t")
    assert tried.status == 1
    assert 'invalid parameter "wait=1"' in tried.said
    assert f"{state}:2:20: " in tried.said
