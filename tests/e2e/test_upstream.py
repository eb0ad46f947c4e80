"""How a peer is chosen, and what happens when it cannot be reached: the same on nginx and on Penstock."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clients import connect, ended_without_a_byte, name_of_peer
from daemon import Daemon
from oracle import PROGRAMS, oracle
from peers import Full, Peer

CONFIG = """
worker_processes 1;
stream {
    log_format tries '$server_port $status $upstream_addr';
    access_log %%DIR%%/access.log tries;
    proxy_connect_timeout 500ms;

    upstream equal    { server %%A%%; server %%B%%; server %%C%%; }
    upstream weighted { server %%A%% weight=5; server %%B%%; server %%C%%; }
    upstream backup   { server 127.0.0.1:%%PORT_dead%%; server %%B%% backup; }
    upstream unused   { server %%A%%; server %%B%% backup; }
    upstream down     { server %%A%% down; server %%B%%; }
    upstream refusing { server 127.0.0.1:%%PORT_dead%% max_fails=0; server %%B%%; }
    upstream failing  { server 127.0.0.1:%%PORT_dead%% max_fails=2 fail_timeout=1h; server %%B%%; }
    upstream silent   { server %%FULL%% max_fails=1 fail_timeout=1h; server %%B%%; }
    upstream dead     { server 127.0.0.1:%%PORT_dead%% fail_timeout=1h; server 127.0.0.1:%%PORT_dead2%% fail_timeout=1h; }
    upstream lone     { server 127.0.0.1:%%PORT_dead%% max_fails=1 fail_timeout=1h; }
    upstream all_down { server %%A%% down; server %%B%% down; }
    upstream tries    { server 127.0.0.1:%%PORT_dead%% max_fails=0; server 127.0.0.1:%%PORT_dead2%% max_fails=0; server %%C%% backup; }

    server { listen 127.0.0.1:%%PORT_equal%%;    proxy_pass equal; }
    server { listen 127.0.0.1:%%PORT_weighted%%; proxy_pass weighted; }
    server { listen 127.0.0.1:%%PORT_backup%%;   proxy_pass backup; }
    server { listen 127.0.0.1:%%PORT_unused%%;   proxy_pass unused; }
    server { listen 127.0.0.1:%%PORT_down%%;     proxy_pass down; }
    server { listen 127.0.0.1:%%PORT_refusing%%; proxy_pass refusing; }
    server { listen 127.0.0.1:%%PORT_failing%%;  proxy_pass failing; }
    server { listen 127.0.0.1:%%PORT_silent%%;   proxy_pass silent; }
    server { listen 127.0.0.1:%%PORT_dead_end%%; proxy_pass dead; }
    server { listen 127.0.0.1:%%PORT_lone%%;     proxy_pass lone; }
    server { listen 127.0.0.1:%%PORT_all_down%%; proxy_pass all_down; }
    server { listen 127.0.0.1:%%PORT_no_next%%;  proxy_next_upstream off; proxy_pass refusing; }
    server { listen 127.0.0.1:%%PORT_one_try%%;  proxy_next_upstream_tries 1; proxy_pass tries; }
    server { listen 127.0.0.1:%%PORT_two_tries%%; proxy_next_upstream_tries 2; proxy_pass tries; }
    server { listen 127.0.0.1:%%PORT_many_tries%%; proxy_next_upstream_tries 9; proxy_pass both_dead; }
    server { listen 127.0.0.1:%%PORT_lone_tries%%; proxy_next_upstream_tries 9; proxy_pass lone; }
    upstream both_dead { server 127.0.0.1:%%PORT_dead%% max_fails=0; server 127.0.0.1:%%PORT_dead2%% max_fails=0; }
}
"""


@pytest.fixture(params=PROGRAMS)
def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    peer_a: Peer,
    peer_b: Peer,
    peer_c: Peer,
    full: Full,
) -> Iterator[Daemon]:
    """Started anew for each fact: what a balancer remembers is part of what it does."""
    directory = tmp_path_factory.mktemp("upstream")
    with oracle(request.param, directory, CONFIG, A=peer_a, B=peer_b, C=peer_c, FULL=full) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def full() -> Iterator[Full]:
    full = Full()
    yield full
    full.close()


def names(running: Daemon, port: str, count: int) -> str:
    """Whom `count` sessions, one after the other, reach."""
    return "".join(name_of_peer(running.port(port)) for _ in range(count))


def closed(running: Daemon, port: str) -> None:
    """A session that reaches nobody."""
    with connect(running.port(port)) as client:
        assert ended_without_a_byte(client)


def test_equal_peers_take_turns(running: Daemon) -> None:
    assert names(running, "equal", 7) == "abcabca"


def test_weights_are_spread_smoothly(running: Daemon) -> None:
    assert names(running, "weighted", 14) == "aabacaaaabacaa"


def test_a_backup_serves_when_the_others_are_gone(running: Daemon) -> None:
    assert names(running, "backup", 3) == "bbb"


def test_a_backup_rests_while_another_lives(running: Daemon) -> None:
    assert names(running, "unused", 3) == "aaa"


def test_a_peer_marked_down_gets_nothing(running: Daemon, peer_b: Peer) -> None:
    assert names(running, "down", 3) == "bbb"
    assert running.sessions("down", 3) == [f"200 {peer_b}"] * 3


def test_a_refused_connect_goes_on_to_the_next_peer(running: Daemon, peer_b: Peer) -> None:
    assert names(running, "refusing", 3) == "bbb"
    tried, direct = f"200 127.0.0.1:{running.port('dead')}, {peer_b}", f"200 {peer_b}"
    assert running.sessions("refusing", 3) == [tried, direct, tried]


def test_max_fails_puts_a_peer_aside(running: Daemon, peer_b: Peer) -> None:
    assert names(running, "failing", 6) == "bbbbbb"
    tried, aside = f"200 127.0.0.1:{running.port('dead')}, {peer_b}", f"200 {peer_b}"
    assert running.sessions("failing", 6) == [tried, aside, tried, aside, aside, aside]


def test_a_connect_timeout_goes_on_to_the_next_peer(running: Daemon, peer_b: Peer, full: Full) -> None:
    assert names(running, "silent", 2) == "bb"
    assert running.sessions("silent", 2) == [f"200 {full}, {peer_b}", f"200 {peer_b}"]


def test_when_every_peer_refuses_the_session_is_502(running: Daemon) -> None:
    closed(running, "dead_end")
    assert running.session("dead_end") == f"502 127.0.0.1:{running.port('dead')}, 127.0.0.1:{running.port('dead2')}"


def test_when_no_peer_is_live_the_log_names_the_upstream(running: Daemon) -> None:
    closed(running, "dead_end")
    closed(running, "dead_end")
    assert running.sessions("dead_end", 2)[1] == "502 dead"
    line = running.logged(r"\[error\] .* no live upstreams while connecting to upstream, client: 127.0.0.1, server: ")
    assert 'upstream: "dead"' in line


def test_a_lone_peer_is_never_put_aside(running: Daemon) -> None:
    for _ in range(3):
        closed(running, "lone")
    assert running.sessions("lone", 3) == [f"502 127.0.0.1:{running.port('dead')}"] * 3


def test_an_upstream_that_is_all_down_is_502(running: Daemon) -> None:
    closed(running, "all_down")
    assert running.session("all_down") == "502 all_down"


def test_proxy_next_upstream_off_stops_at_the_first(running: Daemon) -> None:
    closed(running, "no_next")
    assert running.session("no_next") == f"502 127.0.0.1:{running.port('dead')}"


def test_proxy_next_upstream_tries_counts_all_tries(running: Daemon) -> None:
    closed(running, "one_try")
    closed(running, "two_tries")
    assert len(running.session("one_try").split(", ")) == 1
    assert len(running.session("two_tries").split(", ")) == 2


def test_more_tries_than_there_are_peers_are_of_no_use(running: Daemon) -> None:
    closed(running, "many_tries")
    closed(running, "lone_tries")
    assert running.session("many_tries") == f"502 127.0.0.1:{running.port('dead')}, 127.0.0.1:{running.port('dead2')}"
    assert running.session("lone_tries") == f"502 127.0.0.1:{running.port('dead')}"
    assert "no live upstreams" not in running.errors()
