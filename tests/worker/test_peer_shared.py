"""Peers whose state several workers share: two balancers over one memory are one."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
from viewed import Viewed

from penstock.shared.model.address import ipv4
from penstock.shared.model.upstream import Peer, Upstream
from penstock.shared.peer_zone import SPARE, PeerZone
from penstock.shared.template import constant
from penstock.shared.zones import UNSHARED, LockFile, carve
from penstock.worker.balance import Balancer
from penstock.worker.methods import make_balancer
from penstock.worker.peer import PeerState
from penstock.worker.peer_shared import SharedPeerState


@pytest.fixture
def file() -> Iterator[LockFile]:
    made = LockFile()
    yield made
    made.close()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def peer(letter: str, **parameters: Any) -> Peer:
    return Peer(letter, ipv4("127.0.0.1", ord(letter)), **parameters)


def two(*peers: Peer, clock: Clock | None = None, **fields: Any) -> tuple[Balancer, Balancer, PeerZone]:
    zone = PeerZone(0, len(peers), 2, UNSHARED)
    upstream = Upstream("u", peers, zone="z", **fields)
    clock = clock or Clock()
    return make_balancer(upstream, clock, zone, 0), make_balancer(upstream, clock, zone, 1), zone


def held(balance: Balancer, tried: int = 0) -> PeerState:
    state = balance.pick(tried)
    assert state is not None
    return state


def names(*balancers: Balancer) -> str:
    return "".join(held(balance).peer.name for balance in balancers)


def test_workers_take_turns_together() -> None:
    one, other, _ = two(peer("a", weight=5), peer("b"), peer("c"))
    assert names(one, other, one, one, other, other, one) == "aabacaa"


def test_a_failure_that_one_sees_all_know() -> None:
    clock = Clock()
    one, other, _ = two(peer("a"), peer("b"), clock=clock)
    first = held(one)
    assert first.peer.name == "a"
    assert one.free(first, True, clock.now)
    assert names(other, other, one) == "bbb"
    clock.now += 11
    trial = next(state for state in (held(other) for _ in range(3)) if state.peer.name == "a")
    other.free(trial, False, clock.now)
    assert "a" in names(one, one)


def test_max_conns_holds_for_all_together() -> None:
    one, other, zone = two(peer("a", max_conns=2), peer("b", max_conns=1))
    assert sorted(names(one, other, one)) == ["a", "a", "b"]
    assert one.pick() is other.pick() is None
    zone.forget(0)
    assert names(other)


def test_max_conns_of_a_single_peer_holds_for_all_together() -> None:
    one, other, _ = two(peer("a", max_conns=1))
    state = held(one)
    assert other.pick() is None
    one.free(state, False, 1000.0)
    assert held(other).conns == 1


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("least_conn", ()), ("least_time", ("connect",)), ("random", ("two", "least_conn")), ("random", ("two",))],
)
def test_other_methods_see_everybodys_sessions(method: str, arguments: tuple[str, ...]) -> None:
    one, other, _ = two(peer("a"), peer("b"), method=method, method_arguments=arguments)
    for _ in range(3):
        held(one)
    for _ in range(3):
        held(other)
    assert [state.conns for state in one.states] == [state.conns for state in other.states]
    if method != "random":
        assert [state.conns for state in one.states] == [3, 3]


@pytest.mark.parametrize("arguments", [(), ("consistent",)])
def test_hashing_shares_failures(arguments: tuple[str, ...]) -> None:
    one, other, _ = two(peer("a"), peer("b"), method="hash", method_arguments=arguments, key=constant("key"))
    first = one.pick(0, Viewed())
    assert first is not None
    assert one.free(first, True, 1000.0)
    second = other.pick(0, Viewed())
    assert second is not None
    assert second.address != first.address


def test_a_worker_born_later_finds_what_is_known() -> None:
    zone = PeerZone(0, 2, 2, UNSHARED)
    upstream = Upstream("u", (peer("a"), peer("b")))
    one = make_balancer(upstream, Clock(), zone, 0)
    one.free(held(one), True, 1000.0)
    again = make_balancer(upstream, Clock(), zone, 1)
    assert [state.fails for state in again.states] == [1, 0]


def test_addresses_found_later_are_shared_and_go() -> None:
    zone = PeerZone(0, 1, 2, UNSHARED)
    upstream = Upstream("u", (Peer("name", None),))
    balancers = [make_balancer(upstream, Clock(), zone, slot) for slot in (0, 1)]
    for balance in balancers:
        balance.set_addresses(0, [ipv4("127.0.0.1", 1), ipv4("127.0.0.1", 2)])
    balancers[0].free(held(balancers[0]), True, 1000.0)
    assert [state.fails for state in balancers[1].states] == [1, 0]
    for number in range(3, 3 + 4 * SPARE):
        for balance in balancers:
            balance.set_addresses(0, [ipv4("127.0.0.1", number)])
            assert isinstance(balance.states[0], SharedPeerState)


def test_what_the_zone_has_no_room_for_is_the_workers_own() -> None:
    zone = PeerZone(0, 1, 2, UNSHARED)
    for number in range(zone.capacity):
        zone.record(f"other {number}", 1)
    balance = make_balancer(Upstream("u", (peer("a"),)), Clock(), zone, 0)
    assert type(balance.states[0]) is PeerState
    assert names(balance) == "a"


def test_processes_never_hold_more_than_max_conns(file: LockFile) -> None:
    zone = PeerZone(0, 2, 3, file.lock())
    upstream = Upstream("u", (peer("a", max_conns=3), peer("b", max_conns=2)), method="least_conn")
    holding, most = carve(("Q", 3), ("Q", 3))

    def work(slot: int) -> None:
        balance = make_balancer(upstream, Clock(), zone, slot)
        lot = random.Random(slot)
        states: list[PeerState] = []
        for _ in range(600):
            if states and lot.random() < 0.5:
                holding[slot] -= 1
                balance.free(states.pop(), False, 1000.0)
            elif (state := balance.pick()) is not None:
                states.append(state)
                holding[slot] += 1
                most[slot] = max(most[slot], sum(holding))
        for state in states:
            holding[slot] -= 1
            balance.free(state, False, 1000.0)

    pids = []
    for slot in range(3):
        pid = os.fork()
        if pid == 0:
            work(slot)
            os._exit(0)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]
    assert 2 <= max(most) <= 5
    assert [zone.total(record) for record in range(2)] == [0, 0]
