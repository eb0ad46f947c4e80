"""What one address of an upstream goes through."""

from __future__ import annotations

from penstock.shared.model.address import ipv4, ipv6, unix
from penstock.shared.model.upstream import Peer
from penstock.worker.peer import PeerState


def state(weight: int = 1, max_fails: int = 1, fail_timeout: float = 10, max_conns: int = 0) -> PeerState:
    address = ipv4("127.0.0.1", 80)
    peer = Peer("a", address, weight=weight, max_fails=max_fails, fail_timeout=fail_timeout, max_conns=max_conns)
    return PeerState(peer, 0, address, 1)


def test_what_connecting_needs_is_at_hand() -> None:
    for address, text in ((ipv4("127.0.0.1", 1), "127.0.0.1:1"), (ipv6("::1", 1), "[::1]:1"), (unix("/s"), "unix:/s")):
        found = PeerState(Peer("a", address), 0, address, 1)
        assert (found.family, found.sockaddr, found.text) == (address.family, address.sockaddr, text)


def test_a_peer_is_out_after_max_fails_and_for_fail_timeout() -> None:
    peer = state(max_fails=2)
    assert not peer.failed(100)
    assert peer.available(100)
    assert peer.failed(101)
    assert not peer.available(111)
    assert peer.available(111.1)


def test_a_peer_without_max_fails_is_never_out() -> None:
    peer = state(max_fails=0)
    assert not any(peer.failed(100) for _ in range(10))
    assert peer.available(100)


def test_failures_lower_the_weight_but_never_below_nothing() -> None:
    peer = state(weight=5, max_fails=2)
    weights = []
    for _ in range(4):
        peer.failed(100)
        weights.append(peer.effective_weight)
    assert weights == [3, 1, 0, 0]


def test_only_a_success_after_the_timeout_forgets_failures() -> None:
    peer = state(max_fails=3)
    peer.failed(100)
    peer.proved(100.0)
    assert peer.fails == 1
    peer.checked = 111
    peer.proved(100.0)
    assert peer.fails == 0
    assert not peer.guarded


def test_max_conns_keeps_sessions_away() -> None:
    peer = state(max_conns=2)
    peer.conns = 1
    assert peer.available(0)
    peer.conns = 2
    assert not peer.available(0)


def test_a_peer_shows_its_state() -> None:
    assert repr(state()) == "<PeerState 127.0.0.1:80 fails=0 conns=0>"


def test_slow_start_gives_the_weight_back_in_time() -> None:
    address = ipv4("127.0.0.1", 80)
    peer = PeerState(Peer("a", address, weight=10, slow_start=10.0, fail_timeout=1.0), 0, address, 1)
    peer.failed(100.0)
    peer.chosen(102.0)
    peer.proved(102.0)
    weights = []
    for now in (102.0, 104.5, 107.0, 112.0):
        assert peer.guarded
        assert peer.available(now)
        weights.append((peer.effective_weight, peer.share))
    assert weights == [(0.0, 0.001), (2.5, 2.5), (5.0, 5.0), (10, 10)]
    assert not peer.guarded
