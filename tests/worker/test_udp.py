"""A UDP socket of a worker: whose a datagram is, and where answers leave from."""

from __future__ import annotations

import socket
from pathlib import Path

from datagrams import PROXIES, datagrams, upstream
from workerbench import Bench

from penstock.shared.model.address import Address
from penstock.worker.udp import IPV6_PKTINFO, UdpListener, asked_of


def listener_of(bench: Bench) -> UdpListener:
    listener = bench.listener()
    assert isinstance(listener, UdpListener)
    return listener


def test_an_address_in_front_of_an_answer() -> None:
    info = bytes((1, 0, 0, 0, 127, 0, 0, 2, 127, 0, 0, 3))
    address, control = asked_of(info, 53)
    assert address == Address(socket.AF_INET, "127.0.0.3", 53)
    assert control == [(socket.IPPROTO_IP, 8, bytes((0, 0, 0, 0, 127, 0, 0, 2, 0, 0, 0, 0)))]


def test_a_mapped_address_is_shown_as_ipv4_and_answered_as_it_came() -> None:
    packed = bytes(10) + b"\xff\xff\x7f\0\0\x09"
    address, control = asked_of(packed + b"\1\0\0\0", 53)
    assert address == Address(socket.AF_INET, "127.0.0.9", 53)
    assert control == [(socket.IPPROTO_IPV6, IPV6_PKTINFO, packed + bytes(4))]


def test_a_link_local_address_keeps_its_interface() -> None:
    packed = b"\xfe\x80" + bytes(13) + b"\1"
    assert asked_of(packed + b"\2\0\0\0", 53)[1][0][2] == packed + b"\2\0\0\0"


def test_datagrams_of_one_client_are_one_session(tmp_path: Path) -> None:
    with upstream() as far, Bench(PROXIES, tmp_path, UP=far.getsockname()[1]) as bench:
        one, other = datagrams(bench), datagrams(bench)
        for client in (one, other, one):
            client.sendto(b"x", ("127.0.0.1", bench.port("a")))
        bench.until(lambda: sum(s.received for s in bench.worker.sessions) == 3, "three datagrams")
        assert len(listener_of(bench).by_client) == len(bench.worker.sessions) == bench.active() == 2


def test_the_end_of_a_session_leaves_nothing_behind(tmp_path: Path) -> None:
    text = PROXIES.replace("udp;", "udp; proxy_responses 0;")
    with upstream() as far, Bench(text, tmp_path, UP=far.getsockname()[1]) as bench:
        before = bench.watched()
        datagrams(bench).sendto(b"x", ("127.0.0.1", bench.port("a")))
        bench.until(lambda: bench.status(200) == 1, "a session ends")
        assert not listener_of(bench).by_client
        assert bench.active() == 0
        assert bench.watched() == before


def test_a_drain_takes_the_queue_and_keeps_the_socket_for_answers(tmp_path: Path) -> None:
    with upstream() as far, Bench(PROXIES, tmp_path, UP=far.getsockname()[1]) as bench:
        client = datagrams(bench)
        client.sendto(b"x", ("127.0.0.1", bench.port("a")))
        bench.worker.drain(None)
        proxy = bench.session().upstream_sock
        assert proxy is not None
        far.sendto(b"late", proxy.getsockname())
        assert bench.hear(client, 4) == b"late"
        assert listener_of(bench).sock.fileno() >= 0
        bench.session().finish(200)
        assert bench.worker.done.done()


def test_too_many_sessions_are_refused(tmp_path: Path) -> None:
    events = "worker_connections 2;"
    with upstream() as far, Bench(PROXIES, tmp_path, events=events, UP=far.getsockname()[1]) as bench:
        for _ in range(3):
            datagrams(bench).sendto(b"x", ("127.0.0.1", bench.port("a")))
        bench.until(lambda: bench.refused("overload") == 2, "two are refused")
        assert len(bench.worker.sessions) == 1
