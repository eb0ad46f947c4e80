"""`proxy_pass` and what surrounds it: the same on nginx and on Penstock."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import peers
import pytest
from clients import (
    ask,
    client_hello,
    connect,
    connect_unix,
    echoed,
    ended_without_a_byte,
    name_of_peer,
    read_all,
    read_exactly,
)
from daemon import Daemon
from oracle import PROGRAMS, oracle
from peers import Full, Peer

CONFIG = """
stream {
    log_format status '$server_port $status $bytes_received $bytes_sent $upstream_addr';
    access_log %%DIR%%/access.log status;

    upstream pair { server %%ECHO%%; }
    map $server_port $backend { %%PORT_mapped%% %%PEER_A%%; default pair; }

    server { listen 127.0.0.1:%%PORT_address%%;  proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_upstream%%; proxy_pass pair; }
    server { listen [::1]:%%PORT_v6%%;           proxy_pass pair; }
    server { listen 127.0.0.1:%%PORT_to_unix%%;  proxy_pass %%UNIX%%; }
    server { listen unix:%%DIR%%/in.sock;        proxy_pass pair; }
    server { listen 127.0.0.1:%%PORT_two_1%%; listen 127.0.0.1:%%PORT_two_2%%; proxy_pass pair; }
    server { listen 127.0.0.1:%%PORT_mapped%%;   proxy_pass $backend; }
    server { listen 127.0.0.1:%%PORT_default%%;  proxy_pass $backend; }
    include servers.d/*.conf;

    server { listen 127.0.0.1:%%PORT_refused%%; proxy_pass 127.0.0.1:%%PORT_nobody%%; }
    server { listen 127.0.0.1:%%PORT_unanswered%%; proxy_connect_timeout 200ms; proxy_pass %%FULL%%; }
    server { listen 127.0.0.1:%%PORT_idle%%;    proxy_timeout 200ms; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_whole%%;   proxy_pass %%AT_END%%; }
    server { listen 127.0.0.1:%%PORT_half%%;    proxy_half_close on; proxy_pass %%AT_END%%; }
    server { listen 127.0.0.1:%%PORT_reset%%;   proxy_pass %%RESETS%%; }
    server { listen 127.0.0.1:%%PORT_leaves%%;  proxy_pass %%LEAVES%%; }
    server { listen 127.0.0.1:%%PORT_noname%%;  set $where no-such-host.invalid:1; proxy_pass $where; }
}
"""
INCLUDED = "server { listen 127.0.0.1:%%PORT_included%%; proxy_pass %%ECHO%%; }\n"


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, echo: Peer, peer_a: Peer
) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("proxy")
    full = Full()
    with (
        Peer(peers.echo, path=str(directory / "out.sock")) as unix,
        Peer(peers.answers_at_end) as at_end,
        Peer(peers.resets) as resets,
        Peer(peers.says_and_leaves("bye")) as leaves,
    ):
        daemon = oracle(
            request.param, directory, CONFIG,
            ECHO=echo, PEER_A=peer_a, UNIX=unix, FULL=full, AT_END=at_end, RESETS=resets, LEAVES=leaves,
        )  # fmt: skip
        (directory / "servers.d").mkdir()
        (directory / "servers.d" / "one.conf").write_text(daemon.filling.fill(INCLUDED))
        with daemon:
            yield daemon
    full.close()


@pytest.mark.parametrize("port", ["address", "upstream", "to_unix", "two_1", "two_2", "default", "included"])
def test_bytes_go_to_the_upstream_and_back(running: Daemon, port: str) -> None:
    with connect(running.port(port)) as client:
        assert echoed(client, b"there and back") == b"there and back"


def test_a_listener_on_ipv6(running: Daemon) -> None:
    with connect(running.port("v6"), host="::1") as client:
        assert echoed(client, b"six") == b"six"


def test_a_listener_on_a_unix_socket(running: Daemon) -> None:
    with connect_unix(str(running.directory / "in.sock")) as client:
        assert echoed(client, b"unix") == b"unix"


def test_a_map_chooses_the_upstream(running: Daemon) -> None:
    assert name_of_peer(running.port("mapped")) == "a"


def test_a_session_is_logged_with_status_200_and_its_bytes(running: Daemon, echo: Peer) -> None:
    with connect(running.port("address")) as client:
        echoed(client, b"12345")
    assert f"200 5 5 {echo}" in running.all_logged(rf"^{running.port('address')} 200 5 5 ", 1, "access.log")[0]


def test_a_refused_connection_is_502(running: Daemon) -> None:
    with connect(running.port("refused")) as client:
        assert ended_without_a_byte(client)
    assert running.session("refused") == f"502 0 0 127.0.0.1:{running.port('nobody')}"


def test_the_log_says_who_refused(running: Daemon) -> None:
    with connect(running.port("refused")) as client:
        ended_without_a_byte(client)
    line = running.logged(
        r"connect\(\) failed \(111: Connection refused\) while connecting to upstream, client: 127.0.0.1"
    )
    upstream = f'upstream: "127.0.0.1:{running.port("nobody")}", bytes from/to client:0/0, bytes from/to upstream:0/0'
    assert f"server: 127.0.0.1:{running.port('refused')}, {upstream}" in line
    assert "[error]" in line


def test_a_connect_timeout_is_502(running: Daemon) -> None:
    with connect(running.port("unanswered")) as client:
        assert ended_without_a_byte(client)
    assert running.session("unanswered").startswith("502 0 0 ")
    running.logged(
        r"\[error\] .* upstream timed out \(110: Connection timed out\) while connecting to upstream, client: "
    )


def test_an_idle_session_is_closed_without_an_error(running: Daemon) -> None:
    with connect(running.port("idle")) as client:
        assert echoed(client, b"once") == b"once"
        assert read_all(client) == b""
    assert running.session("idle").startswith("200 4 4 ")


def test_without_half_close_the_clients_end_ends_the_session(running: Daemon) -> None:
    with connect(running.port("whole")) as client:
        client.sendall(b"12345")
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""


def test_with_half_close_the_upstream_answers_after_the_clients_end(running: Daemon) -> None:
    with connect(running.port("half")) as client:
        client.sendall(b"12345")
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"5 bytes"
    assert running.session("half").startswith("200 5 7 ")


def test_what_the_upstream_said_before_it_left_arrives(running: Daemon) -> None:
    assert ask(running.port("leaves")) == b"bye"


def test_an_upstreams_reset_ends_the_session_and_is_not_its_status(running: Daemon) -> None:
    with connect(running.port("reset")) as client:
        client.sendall(b"x")
        assert ended_without_a_byte(client)
    assert running.session("reset").startswith("200 1 0 ")


def test_a_name_without_a_resolver_is_500(running: Daemon) -> None:
    with connect(running.port("noname")) as client:
        assert ended_without_a_byte(client)
    assert running.session("noname").startswith("500 0 0 ")
    running.logged(r"\[error\] .* no resolver defined to resolve no-such-host.invalid")


def test_many_sessions_at_once_keep_apart(running: Daemon) -> None:
    clients = [connect(running.port("upstream")) for _ in range(50)]
    for index, client in enumerate(clients):
        client.sendall(b"%03d" % index)
    answers = [read_exactly(client, 3) for client in clients]
    for client in clients:
        client.close()
    assert answers == [b"%03d" % index for index in range(50)]


def test_bytes_like_a_client_hello_mean_nothing_to_a_plain_server(running: Daemon) -> None:
    hello = client_hello("a.test")
    with connect(running.port("address")) as client:
        assert echoed(client, hello) == hello
