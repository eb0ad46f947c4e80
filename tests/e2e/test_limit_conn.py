"""How many connections a key may have open: the same in nginx, and in Penstock also when workers come and go."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from clients import connect, ended_without_a_byte, read_exactly
from daemon import Daemon
from deadline import wait_for
from gate import Gate
from oracle import PROGRAMS, oracle
from peers import Peer

CONFIG = """
worker_processes 2;
error_log %%DIR%%/info.log info;
stream {
    log_format limits '$server_port $status [$limit_conn_status]';
    access_log %%DIR%%/access.log limits;

    limit_conn key 2;
    limit_conn_zone $server_port          zone=key:1m;
    limit_conn_zone $remote_addr          zone=addr:1m;
    limit_conn_zone $binary_remote_addr   zone=binary:1m;
    limit_conn_zone "$remote_addr $server_port" zone=pair:1m;
    limit_conn_zone $remote_port          zone=small:32k;
    limit_conn_zone ""                    zone=empty:32k;
    limit_conn_zone $long$long$long       zone=long:32k;
    map $protocol $long { default "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"; }

    server { listen 127.0.0.1:%%PORT_inherits%%; proxy_pass %%A%%; }
    server { listen 127.0.0.1:%%PORT_one%%;      proxy_pass %%A%%; limit_conn addr 1; }
    server { listen 127.0.0.1:%%PORT_shares%%;   proxy_pass %%A%%; limit_conn addr 3; }
    server { listen 127.0.0.1:%%PORT_binary%%;   proxy_pass %%A%%; limit_conn binary 1; }
    server { listen 127.0.0.1:%%PORT_both%%;     proxy_pass %%A%%; limit_conn addr 2; limit_conn pair 1; }
    server { listen 127.0.0.1:%%PORT_empty%%;    proxy_pass %%A%%; limit_conn empty 1; }
    server { listen 127.0.0.1:%%PORT_long%%;     proxy_pass %%A%%; limit_conn long 1; }
    server { listen 127.0.0.1:%%PORT_dry%%;      proxy_pass %%A%%; limit_conn pair 1; limit_conn_dry_run on; }
    server { listen 127.0.0.1:%%PORT_quiet%%;    proxy_pass %%A%%; limit_conn pair 1; limit_conn_log_level info; }
    server { listen 127.0.0.1:%%PORT_denied%%;   proxy_pass %%A%%; limit_conn pair 1; deny all; }
    server { listen 127.0.0.1:%%PORT_returns%%;  return "hi";      limit_conn pair 1; }
    server { listen 127.0.0.1:%%PORT_full%%;     proxy_pass %%A%%; limit_conn small 1; }
    server { listen 127.0.0.1:%%PORT_real%% proxy_protocol; proxy_pass %%A%%; limit_conn pair 1; set_real_ip_from 127.0.0.1; }
}
"""


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, peer_a: Peer) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("limits")
    with oracle(request.param, directory, CONFIG, A=peer_a) as daemon:
        yield daemon


def reaches(stack: ExitStack, daemon: Daemon, port: str, source: str = "127.0.0.1", send: bytes = b"") -> bool:
    """Whether a session that stays open reaches the peer."""
    address = ("127.0.0.1", daemon.port(port))
    client = stack.enter_context(socket.create_connection(address, timeout=15, source_address=(source, 0)))
    if send:
        client.sendall(send)
    try:
        return read_exactly(client, 1) == b"a"
    except ConnectionResetError:
        return False


def admitted(daemon: Daemon, port: str, count: int) -> list[bool]:
    with ExitStack() as stack:
        return [reaches(stack, daemon, port) for _ in range(count)]


def test_a_limit_of_the_stream_is_inherited(running: Daemon) -> None:
    assert admitted(running, "inherits", 4) == [True, True, False, False]
    assert sorted(running.sessions("inherits", 4)) == ["200 [PASSED]"] * 2 + ["503 [REJECTED]"] * 2


def test_a_limit_of_the_server_replaces_it(running: Daemon) -> None:
    assert admitted(running, "one", 2) == [True, False]


def test_the_refusal_is_logged_with_its_zone(running: Daemon) -> None:
    assert admitted(running, "binary", 2) == [True, False]
    line = running.logged(
        rf"limiting connections by zone \"binary\" while initializing session, .*:{running.port('binary')}$"
    )
    assert "[error]" in line
    assert ", client: 127.0.0.1, server: 127.0.0.1:" in line


def test_other_keys_are_other_counts(running: Daemon) -> None:
    with ExitStack() as stack:
        assert [reaches(stack, running, "one", f"127.0.0.{last}") for last in (20, 20, 21, 21)] == [
            True,
            False,
            True,
            False,
        ]


def test_servers_share_a_zone_each_with_its_own_number(running: Daemon) -> None:
    with ExitStack() as stack:
        source = "127.0.0.30"
        assert reaches(stack, running, "shares", source)
        assert not reaches(stack, running, "one", source)
        assert reaches(stack, running, "shares", source)
        assert reaches(stack, running, "shares", source)
        assert not reaches(stack, running, "shares", source)


def test_a_refusal_by_one_limit_gives_back_what_another_counted(running: Daemon) -> None:
    with ExitStack() as stack:
        source = "127.0.0.40"
        assert [reaches(stack, running, "both", source) for _ in range(4)] == [True, False, False, False]
        assert reaches(stack, running, "shares", source)


def test_whoever_leaves_makes_room(running: Daemon) -> None:
    for _ in range(5):
        with ExitStack() as stack:
            assert wait_for(partial(reaches, stack, running, "one", "127.0.0.50"), "there is room")


def test_an_empty_key_is_not_counted(running: Daemon) -> None:
    assert admitted(running, "empty", 3) == [True] * 3
    assert running.sessions("empty", 3) == ["200 [-]"] * 3


def test_a_key_that_is_too_long_is_not_counted_and_said(running: Daemon) -> None:
    assert admitted(running, "long", 2) == [True] * 2
    assert running.logged(r'\[error\].* the value of the "\$long\$long\$long" key is more than 255 bytes: "0123456789')


def test_a_dry_run_says_it_and_refuses_nothing(running: Daemon) -> None:
    assert admitted(running, "dry", 2) == [True, True]
    assert sorted(running.sessions("dry", 2)) == ["200 [PASSED]", "200 [REJECTED_DRY_RUN]"]
    assert "[error]" in running.logged(
        'limiting connections, dry run, by zone "pair" while initializing session, client: '
    )


def test_the_level_can_be_lowered(running: Daemon) -> None:
    assert admitted(running, "quiet", 2) == [True, False]
    port = running.port("quiet")
    assert "[info]" in running.logged(
        rf'limiting connections by zone "pair" while .* server: 127.0.0.1:{port}', "info.log"
    )


def test_limits_come_before_access(running: Daemon) -> None:
    assert admitted(running, "denied", 1) == [False]
    assert running.session("denied") == "403 [PASSED]"


def test_a_returned_text_counts_while_it_is_sent(running: Daemon) -> None:
    for _ in range(3):
        with connect(running.port("returns")) as client:
            assert read_exactly(client, 9) == b"hi"
    assert running.sessions("returns", 3) == ["200 [PASSED]"] * 3


def test_the_key_is_the_real_client(running: Daemon) -> None:
    with ExitStack() as stack:
        lines = [f"PROXY TCP4 10.0.0.{last} 127.0.0.1 1 2\r\n".encode() for last in (1, 2, 1)]
        assert [reaches(stack, running, "real", send=line) for line in lines] == [True, True, False]


def test_a_full_zone_refuses_new_keys(running: Daemon) -> None:
    with ExitStack() as stack:
        said = [reaches(stack, running, "full") for _ in range(560)]
    assert said.index(False) > 300
    assert not any(said[said.index(False) :])
    assert running.logged(r'\[crit\].*no memory in limit_conn_zone "small"')


# Penstock alone

CRASHING = """
worker_processes 3;
worker_shutdown_timeout 60s;
stream {
    limit_conn_zone $server_port zone=all:1m;
    server { listen 127.0.0.1:%%PORT_gate%% reuseport; proxy_pass %%A%%; limit_conn all 12; }
    %%MORE%%
}
"""


class Crashing(Gate):
    """Workers are killed here on purpose."""

    trouble = re.compile(r"Traceback|\[emerg\]")


@pytest.fixture
def crashing(tmp_path_factory: pytest.TempPathFactory, peer_a: Peer) -> Iterator[Gate]:
    with Crashing(tmp_path_factory.mktemp("crash"), CRASHING, A=peer_a, MORE="") as gate:
        yield gate


def held(stack: ExitStack, daemon: Daemon, count: int) -> list[socket.socket]:
    """Sessions until so many were tried; those that were admitted."""
    clients = []
    for _ in range(count):
        client = stack.enter_context(connect(daemon.port("gate")))
        try:
            if read_exactly(client, 1) == b"a":
                clients.append(client)
        except ConnectionResetError:
            pass
    return clients


def test_workers_count_together(crashing: Gate) -> None:
    with ExitStack() as stack:
        assert len(held(stack, crashing, 30)) == 12


def test_a_killed_workers_share_is_released(crashing: Gate) -> None:
    with ExitStack() as stack:
        clients = held(stack, crashing, 12)
        assert len(clients) == 12
        before = crashing.workers()
        os.kill(before[0], signal.SIGKILL)
        wait_for(lambda: len(set(crashing.workers()) - set(before)) == 1, "a worker is born again")
        gone = sum(lost(client) for client in clients)
        wait_for(lambda: len(held(stack, crashing, 1)) == 1 or gone == 0, "there is room again")
        more = held(stack, crashing, 20)
        assert len(more) == max(gone - 1, 0)


def lost(client: socket.socket) -> bool:
    client.settimeout(0.5)
    try:
        return ended_without_a_byte(client)
    except TimeoutError:
        return False


def test_sessions_of_the_generation_before_still_count(crashing: Gate) -> None:
    with ExitStack() as stack:
        clients = held(stack, crashing, 8)
        crashing.reload()
        assert len(held(stack, crashing, 12)) == 4
        for client in clients[:5]:
            client.close()
        wait_for(lambda: len(held(stack, crashing, 1)) == 1, "those that left made room")
        assert len(held(stack, crashing, 12)) == 4


GATEWAY = """
worker_processes 2;
stream {
    log_format limits '$server_port $status [$limit_conn_status]';
    access_log %%DIR%%/access.log limits;
    limit_conn_zone $remote_addr zone=door:1m;
    limit_conn_zone $remote_addr zone=room:1m;
    limit_conn door 3;
    stream_listen 127.0.0.1:%%PORT_door%% plain;
    stream_listen 127.0.0.1:%%PORT_room%% plain;
    service a { url tcp://%%A%%; }
    route room { protocols tcp; destinations :%%PORT_room%%; service a; limit_conn room 1; }
    route rest { protocols tcp; destinations :%%PORT_door%%; service a; }
}
"""


def test_the_gateway_has_limits_at_its_door_and_routes_have_theirs(
    tmp_path_factory: pytest.TempPathFactory, peer_a: Peer
) -> None:
    with Gate(tmp_path_factory.mktemp("routes"), GATEWAY, A=peer_a) as gate, ExitStack() as stack:
        assert [reaches(stack, gate, port) for port in ("room", "room", "door", "door", "door")] == [
            True,
            False,
            True,
            True,
            False,
        ]
        assert gate.session("room") == "503 [REJECTED]"
        gate.wait_metric("penstock_refused_total", 2, reason="limited")
