"""The peer that has the least to do: by hand-made times and lots, and beside the real nginx."""

from __future__ import annotations

import random
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clients import connect, read_exactly
from needs import requires
from nginx import Nginx
from peers import Peer as Server
from peers import says

from penstock.shared.model.address import ipv4
from penstock.shared.model.upstream import Peer, Upstream
from penstock.shared.view import Try
from penstock.worker.balance import Balancer
from penstock.worker.balance_load import RandomBalancer, RandomTimeBalancer, Times, less_busy
from penstock.worker.methods import make_balancer
from penstock.worker.peer import PeerState


class Clock:
    """Time that passes when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def peer(letter: str, **parameters: Any) -> Peer:
    return Peer(letter, ipv4("127.0.0.1", ord(letter)), **parameters)


def least_conn(*peers: Peer) -> Balancer:
    return make_balancer(Upstream("u", peers, method="least_conn"), Clock())


def held(balance: Balancer, tried: int = 0) -> PeerState:
    state = balance.pick(tried)
    assert state is not None
    return state


def letters(balance: Balancer, count: int) -> str:
    """Peers of sessions that stay open."""
    return "".join(held(balance).peer.name for _ in range(count))


# least_conn


def test_sessions_that_stay_open_are_spread_by_weight() -> None:
    said = letters(least_conn(peer("a"), peer("b"), peer("c")), 6)
    assert set(said[:3]) == set(said[3:]) == set("abc")
    assert Counter(letters(least_conn(peer("a", weight=3), peer("b")), 40)) == {"a": 30, "b": 10}


def test_who_has_the_fewest_gets_the_next() -> None:
    balance = least_conn(peer("a"), peer("b"), peer("c"))
    states = [held(balance) for _ in range(6)]
    for state in states:
        if state.peer.name == "b":
            balance.free(state, False, 1000.0)
    assert letters(balance, 2) == "bb"


def test_backups_wait_until_no_other_is_live() -> None:
    balance = least_conn(peer("a"), peer("b", backup=True), peer("c", backup=True))
    first = held(balance)
    assert first.peer.name == "a"
    assert held(balance, first.bit).peer.name == "b"
    balance.free(first, True, 1000.0)
    assert Counter(letters(balance, 3)) == {"b": 1, "c": 2}


def test_nobody_is_live() -> None:
    balance = least_conn(peer("a", max_conns=1), peer("b", down=True))
    held(balance)
    assert balance.pick() is None


# beside nginx

CONFIGURATION = """
stream {
    log_format tries "$upstream_addr";
    upstream u { least_conn; %%SERVERS%% }
    server { listen 127.0.0.1:%%PORT_gate%%; proxy_pass u; access_log tries.log tries; }
}
"""
CASES = {
    "equal": "a; b; c",
    "weights": "a weight=5; b; c weight=2",
    "down": "a weight=2; b down; c",
    "max_conns": "a max_conns=2; b max_conns=3; c",
    "a backup": "a max_conns=3; b max_conns=2; c backup",
    "alone": "a",
}
STEPS = 40


@requires("nginx-stream")
@pytest.mark.parametrize("servers", CASES.values(), ids=CASES.keys())
def test_held_sessions_meet_the_same_peers_as_in_nginx(tmp_path: Path, servers: str) -> None:
    running = {letter: Server(says(letter)) for letter in "abc"}
    try:
        lines = [line.split() for line in servers.split(";")]
        text = "".join(f"server {running[line[0]]} {' '.join(line[1:])};" for line in lines)
        with Nginx(tmp_path, CONFIGURATION.replace("%%SERVERS%%", text)) as nginx:
            balance = least_conn(*(peer(line[0], **parameters(line[1:])) for line in lines))
            assert followed(nginx, balance) is None
    finally:
        for server in running.values():
            server.close()


def parameters(words: list[str]) -> dict[str, Any]:
    pairs = [word.partition("=") for word in words]
    return {name: int(value) if value else True for name, _, value in pairs}


def followed(nginx: Nginx, balance: Balancer) -> str | None:
    """Open and close sessions with both, by lot; where they part."""
    lot = random.Random(7)
    sessions: list[tuple[socket.socket, PeerState]] = []
    ended = 0
    for step in range(STEPS):
        if sessions and lot.random() < 0.4:
            client, state = sessions.pop(lot.randrange(len(sessions)))
            client.close()
            balance.free(state, False, 1000.0)
            ended += 1
            nginx.all_logged("", ended, "tries.log")
            continue
        client = connect(nginx.port("gate"))
        theirs = read_exactly(client, 1).decode()
        ours = balance.pick()
        if theirs != ("" if ours is None else ours.peer.name):
            return f"step {step}: {theirs!r} and not {ours}"
        if ours is None:
            client.close()
            ended += 1
            nginx.all_logged("", ended, "tries.log")
        else:
            sessions.append((client, ours))
    for client, _ in sessions:
        client.close()
    return None


# least_time


def least_time(*peers: Peer, what: str = "connect", inflight: bool = False, clock: Clock | None = None) -> Balancer:
    arguments = (what, "inflight") if inflight else (what,)
    return make_balancer(Upstream("u", peers, method="least_time", method_arguments=arguments), clock or Clock())


def begun(balance: Balancer, now: float = 1000.0) -> tuple[PeerState, Try]:
    state = held(balance)
    attempt = Try(state.text, now)
    balance.timed(state, attempt)
    return state, attempt


def lasted(balance: Balancer, **times: dict[str, float]) -> str:
    """A session whose peer takes so long for connecting, the first and the last byte; the peer's name."""
    state, attempt = begun(balance)
    attempt.connect_time = times["connect"][state.peer.name]
    balance.timed(state, attempt)
    attempt.first_byte_time = times.get("first_byte", {}).get(state.peer.name)
    balance.timed(state, attempt)
    attempt.session_time = times.get("last_byte", {}).get(state.peer.name, 9.0)
    balance.timed(state, attempt)
    balance.free(state, False, 1000.0)
    return state.peer.name


@pytest.mark.parametrize("what", ["connect", "first_byte", "last_byte"])
def test_the_peer_with_the_shortest_time_gets_the_sessions(what: str) -> None:
    balance = least_time(peer("a"), peer("b"), peer("c"), what=what)
    times = {"connect": dict.fromkeys("abc", 0.5)} | {what: {"a": 0.3, "b": 0.1, "c": 0.2}}
    assert {lasted(balance, **times) for _ in range(3)} == set("abc")
    assert "".join(lasted(balance, **times) for _ in range(4)) == "bbbb"


def test_sessions_that_are_open_count_by_weight() -> None:
    balance = least_time(peer("a"), peer("b", weight=2))
    for state in balance.states:
        state.time = 0.1
    assert Counter(letters(balance, 30)) == {"a": 10, "b": 20}


def test_a_time_that_changes_is_followed() -> None:
    balance = least_time(peer("a"), peer("b"))
    for _ in range(4):
        lasted(balance, connect={"a": 0.1, "b": 0.2})
    said = "".join(lasted(balance, connect={"a": 2.0, "b": 0.2}) for _ in range(10))
    assert said.endswith("bbbbb")


def test_peers_without_a_time_are_tried_and_not_flooded() -> None:
    balance = least_time(peer("a"), peer("b"), peer("c"))
    assert lasted(balance, connect={"a": 0.1}) == "a"
    assert Counter(letters(balance, 9)) == {"a": 3, "b": 3, "c": 3}


def test_a_failed_try_is_no_time() -> None:
    balance = least_time(peer("a"), peer("b"), what="last_byte")
    state, attempt = begun(balance)
    attempt.outcome, attempt.session_time = "refused", 0.0001
    balance.timed(state, attempt)
    assert state.time == 0


def test_inflight_sees_a_peer_that_hangs_before_it_answers() -> None:
    seen = {}
    for inflight in (False, True):
        clock = Clock()
        balance = least_time(peer("a"), peer("b"), what="first_byte", inflight=inflight, clock=clock)
        for _ in range(2):
            lasted(balance, connect={"a": 0, "b": 0}, first_byte={"a": 0.1, "b": 0.2})
        hanging, _ = begun(balance, clock.now)
        assert hanging.peer.name == "a"
        hanging.conns = 0
        clock.now += 5
        seen[inflight] = held(balance).peer.name
    assert seen == {False: "a", True: "b"}


# random


def drawing(*lots: int) -> Callable[[int], int]:
    left = list(lots)
    return lambda _: left.pop(0) if left else 0


def test_lots_go_by_weight() -> None:
    upstream = Upstream("u", (peer("a", weight=3), peer("b"), peer("c", down=True)))
    balance = RandomBalancer(upstream, Clock(), draw=drawing(0, 1, 2, 3, 4, 3))
    assert letters(balance, 5) == "aaabb"


def test_lots_that_only_miss_end_in_turns() -> None:
    upstream = Upstream("u", (peer("a", max_conns=1), peer("b"), peer("c", backup=True)))
    balance = RandomBalancer(upstream, Clock(), draw=drawing())
    assert letters(balance, 3) == "abb"
    a, b = balance.states[:2]
    assert held(balance, a.bit | b.bit).peer.name == "c"


def test_of_two_lots_the_one_with_less_to_do() -> None:
    upstream = Upstream("u", (peer("a"), peer("b"), peer("c")))
    balance = RandomBalancer(upstream, Clock(), less_busy, drawing(0, 1, 0, 0, 1, 0, 2, 1, 2, 2, 0))
    # equal: the second; drawn twice: the next; the one that is free; equal again; the one that has fewer
    assert letters(balance, 5) == "bacca"


def test_of_two_lots_the_faster() -> None:
    upstream = Upstream("u", (peer("a"), peer("b")))
    balance = RandomTimeBalancer(upstream, Clock(), Times("connect"), drawing(0, 1, 1, 0))
    balance.states[0].time, balance.states[1].time = 0.1, 0.3
    assert letters(balance, 2) == "aa"


def test_random_itself_reaches_everybody() -> None:
    for arguments in ((), ("two",), ("two", "least_conn"), ("two", "least_time=first_byte")):
        upstream = Upstream("u", (peer("a"), peer("b"), peer("c")), method="random", method_arguments=arguments)
        assert set(letters(make_balancer(upstream, Clock()), 60)) == set("abc")


# slow_start, whatever the method


@pytest.mark.parametrize("method", ["round_robin", "least_conn"])
def test_a_peer_that_comes_back_recovers_its_weight_slowly(method: str) -> None:
    clock = Clock()
    peers = (peer("a", slow_start=10.0, fail_timeout=1.0, weight=4), peer("b", weight=4))
    balance = make_balancer(Upstream("u", peers, method=method), clock)
    a = balance.states[0]
    while held(balance) is not a:
        pass
    balance.free(a, True, clock.now)
    clock.now += 1.1
    while held(balance) is not a:
        pass
    balance.free(a, False, clock.now)
    for state in balance.states:
        state.conns = 0
    shares = [share_of(balance, clock, seconds) for seconds in (0.0, 2.5, 5.0, 10.0, 20.0)]
    assert shares == sorted(shares)
    assert shares[0] <= 0.03
    assert 0.15 <= shares[1] <= 0.3
    assert 0.3 <= shares[2] <= 0.4
    assert shares[4] == 0.5


def share_of(balance: Balancer, clock: Clock, seconds: float) -> float:
    began = clock.now
    clock.now += seconds
    for state in balance.states:
        state.conns = 0
    said = letters(balance, 100)
    clock.now = began
    return said.count("a") / 100
