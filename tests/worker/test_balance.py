"""Which peer gets the next session: by hand-made time, and beside the real nginx."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clients import ask
from needs import requires
from nginx import Nginx

from penstock.shared.model.address import Address, ipv4
from penstock.shared.model.upstream import Peer, Upstream
from penstock.worker.balance import Balancer
from penstock.worker.peer import PeerState

NONE_LIVE = -1


class Clock:
    """Time that passes when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def peer(port: int, **parameters: Any) -> Peer:
    return Peer(chr(ord("a") + port), ipv4("127.0.0.1", port), **parameters)


def balancer(*peers: Peer, clock: Clock | None = None) -> Balancer:
    return Balancer(Upstream("u", peers), clock or Clock())


def session(balance: Balancer, dead: Container[int] = (), now: float = 1000.0) -> list[int]:
    """The ports that one session tries, in order; those in `dead` refuse it. NONE_LIVE when no peer is left to try."""
    tried, ports = 0, list[int]()
    for _ in range(balance.tries):
        state = balance.pick(tried)
        if state is None:
            return [*ports, NONE_LIVE]
        tried |= state.bit
        ports.append(state.address.port)
        if state.address.port not in dead:
            balance.connected(state)
            balance.free(state, False, now)
            break
        balance.free(state, True, now)
    return ports


def letters(balance: Balancer, count: int) -> str:
    return "".join(chr(ord("a") + session(balance)[-1]) for _ in range(count))


def held(balance: Balancer, tried: int = 0) -> PeerState:
    state = balance.pick(tried)
    assert state is not None
    return state


# turns


@pytest.mark.parametrize(
    ("weights", "turns"),
    [((1, 1, 1), "abcabc"), ((5, 1, 1), "aabacaa"), ((4, 2, 1), "abacaba"), ((3, 2), "ababa")],
)
def test_turns_follow_the_weights(weights: tuple[int, ...], turns: str) -> None:
    balance = balancer(*(peer(port, weight=weight) for port, weight in enumerate(weights)))
    assert letters(balance, 2 * len(turns)) == 2 * turns


def test_a_peer_that_is_down_gets_nothing() -> None:
    balance = balancer(peer(0, down=True), peer(1), peer(2))
    assert letters(balance, 4) == "bcbc"
    assert balance.tries == 2


def test_a_peer_without_address_gets_nothing() -> None:
    balance = balancer(replace(peer(0), address=None), peer(1))
    assert letters(balance, 3) == "bbb"


def test_peers_tried_are_not_tried_again() -> None:
    balance = balancer(peer(0), peer(1))
    first = held(balance)
    second = held(balance, first.bit)
    assert second is not first
    assert balance.pick(first.bit | second.bit) is None


# failures


def test_a_failed_peer_rests_and_then_is_tried_by_one_session_at_a_time() -> None:
    clock = Clock()
    balance = balancer(peer(0, fail_timeout=10), peer(1), clock=clock)
    assert session(balance, dead={0}, now=clock.now) == [0, 1]
    assert letters(balance, 3) == "bbb"
    clock.now += 10.1
    trial = next(state for state in (held(balance) for _ in range(3)) if state.address.port == 0)
    assert all(held(balance).address.port == 1 for _ in range(3))
    balance.connected(trial)
    assert "a" in letters(balance, 2)


def test_a_failure_that_puts_a_peer_out_is_told() -> None:
    balance = balancer(peer(0, max_fails=2), peer(1, max_fails=0))
    states = {state.address.port: state for state in balance.states}
    assert [balance.free(states[0], True, 1000) for _ in range(2)] == [False, True]
    assert [balance.free(states[1], True, 1000) for _ in range(2)] == [False, False]


def test_with_every_peer_out_none_is_live() -> None:
    balance = balancer(peer(0), peer(1))
    assert session(balance, dead={0, 1}) == [0, 1]
    assert balance.pick(0) is None


def test_a_peer_that_is_alone_is_never_out() -> None:
    balance = balancer(peer(0))
    assert [session(balance, dead={0}) for _ in range(3)] == [[0], [0], [0]]
    state = held(balance)
    assert balance.pick(state.bit) is None
    assert not balance.free(state, True, 1000)


def test_a_peer_that_is_alone_but_has_a_backup_can_be_out() -> None:
    balance = balancer(peer(0), peer(1, backup=True))
    assert session(balance, dead={0}) == [0, 1]
    assert session(balance) == [1]


def test_a_single_peer_that_is_down_is_not_live() -> None:
    assert balancer(peer(0, down=True)).pick(0) is None


def test_backups_serve_only_while_no_primary_can() -> None:
    clock = Clock()
    balance = balancer(peer(0), peer(1, backup=True, weight=2), peer(2, backup=True), clock=clock)
    assert letters(balance, 3) == "aaa"
    assert session(balance, dead={0}) == [0, 1]
    assert letters(balance, 3) == "cbb"
    clock.now += 11
    assert letters(balance, 2) == "aa"


# max_conns


def test_max_conns_counts_sessions_that_are_open() -> None:
    balance = balancer(peer(0, max_conns=1), peer(1, max_conns=2))
    open_now = [held(balance) for _ in range(3)]
    assert sorted(state.address.port for state in open_now) == [0, 1, 1]
    assert balance.pick(0) is None
    balance.free(open_now[0], False, 1000)
    assert held(balance) is open_now[0]


def test_max_conns_holds_for_a_single_peer_too() -> None:
    balance = balancer(peer(0, max_conns=1))
    state = held(balance)
    assert balance.pick(0) is None
    balance.free(state, False, 1000)
    assert held(balance) is state


# addresses that come later


def addresses(*ports: int) -> list[Address]:
    return [ipv4("127.0.0.1", port) for port in ports]


def test_a_name_gets_its_addresses_later() -> None:
    balance = balancer(replace(peer(0), address=None, weight=2), peer(9))
    assert balance.unresolved() == (0,)
    balance.set_addresses(0, addresses(1, 2))
    assert balance.unresolved() == ()
    assert [state.address.port for state in balance.states] == [1, 2, 9]
    assert sorted(letters(balance, 5)) == ["b", "b", "c", "c", "j"]
    assert balance.tries == 3


def test_an_address_that_stays_keeps_its_state() -> None:
    balance = balancer(replace(peer(0), address=None), peer(9))
    balance.set_addresses(0, addresses(1, 2))
    kept = balance.states[1]
    for state in balance.states:
        state.counters = 40 + state.index
    balance.set_addresses(0, addresses(2, 3, 3))
    assert balance.states[0] is kept
    assert balance.states[1].counters == 40
    assert len({state.bit for state in balance.states}) == 3


def test_a_single_name_may_turn_out_to_be_one_address_or_several() -> None:
    balance = balancer(replace(peer(0), address=None))
    assert balance.pick(0) is None
    balance.set_addresses(0, addresses(1))
    assert [session(balance, dead={1}) for _ in range(2)] == [[1], [1]]
    balance.set_addresses(0, addresses(1, 2))
    assert sorted(session(balance, dead={1, 2})) == [1, 2]
    assert balance.pick(0) is None


# beside nginx

CONFIGURATION = """
stream {
    log_format tries "$upstream_addr";
    server { listen 127.0.0.1:%%PORT_a%%; return a; }
    server { listen 127.0.0.1:%%PORT_b%%; return b; }
    server { listen 127.0.0.1:%%PORT_c%%; return c; }
    upstream u { %%SERVERS%% }
    server { listen 127.0.0.1:%%PORT_gate%%; proxy_pass u; access_log tries.log tries; }
}
"""
CASES = {
    "weights": "a weight=5; b; c",
    "a dead peer among weights": "a weight=3; x weight=4; c weight=2",
    "a dead peer that may fail often": "a weight=3; x weight=5 max_fails=4; c",
    "a dead peer that is never out": "a weight=2; x weight=3 max_fails=0; b",
    "down": "a; b down; c weight=2",
    "backup of a dead peer": "x; a backup; b backup weight=2",
    "backup of a dead and a live peer": "x max_fails=3; a weight=2; b backup",
    "all dead": "x; y max_fails=3",
    "a dead peer alone": "x",
    "dead peers and dead backups": "x; y backup max_fails=2; z weight=3",
}
SESSIONS = 24


@requires("nginx-stream")
@pytest.mark.parametrize("servers", CASES.values(), ids=CASES.keys())
def test_sessions_try_the_same_peers_as_with_nginx(tmp_path: Path, servers: str) -> None:
    text = "".join(f"server 127.0.0.1:%%PORT_{line.strip()[0]}%% {line.strip()[1:]};" for line in servers.split(";"))
    with Nginx(tmp_path, CONFIGURATION.replace("%%SERVERS%%", text)) as nginx:
        for _ in range(SESSIONS):
            ask(nginx.port("gate"))
        said = nginx.all_logged("", SESSIONS, "tries.log")
        balance = balancer(*(configured(line.split(), nginx) for line in servers.split(";")))
        dead = {nginx.port(name) for name in "xyz"}
        ours = [session(balance, dead) for _ in range(SESSIONS)]
    assert ours == [[port_of(address) for address in line.split(", ")] for line in said]


def port_of(address: str) -> int:
    """The port; nginx writes the upstream's name where no peer was live."""
    return NONE_LIVE if address == "u" else int(address.rpartition(":")[2])


def configured(words: list[str], nginx: Nginx) -> Peer:
    name, *parameters = words
    given: dict[str, Any] = {}
    for key, _, value in (each.partition("=") for each in parameters):
        given[key] = int(value) if value else True
    return replace(Peer(name, ipv4("127.0.0.1", nginx.port(name))), **given)


def test_another_form_of_the_upstream_keeps_those_that_stay() -> None:
    balance = balancer(peer(1), peer(2, weight=3))
    one, two = balance.states
    held = balance.pick(two.bit)
    assert held is one
    balance.become(Upstream("u", (peer(3), peer(1, weight=5))))
    three, first = balance.states
    assert first is one
    assert (one.weight, one.effective_weight, one.conns, one.index) == (5, 5, 1, 1)
    assert three.bit & one.bit == 0
    assert sorted(session(balance, dead=(3, 1))) == [1, 3]
    balance.free(one, failed=False, now=1000.0)
    balance.free(two, failed=False, now=1000.0)
    balance.become(Upstream("u", ()))
    assert balance.pick() is None


def test_a_name_that_stays_keeps_its_addresses() -> None:
    named = Peer("n:1", None, "n", 1)
    balance = balancer(named, peer(1))
    balance.set_addresses(0, [ipv4("127.0.0.8", 1), ipv4("127.0.0.9", 1)])
    before = set(balance.states)
    balance.become(Upstream("u", (peer(1), replace(named, weight=2))))
    assert set(balance.states) == before
    assert [(state.index, state.weight) for state in balance.states] == [(0, 1), (1, 2), (1, 2)]
