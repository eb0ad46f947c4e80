"""Before a session of datagrams proxies."""

from __future__ import annotations

import socket
from pathlib import Path

from datagrams import PROXIES, datagrams, upstream
from workerbench import Bench


def first_of(bench: Bench, far: socket.socket) -> bytes:
    """What the peer gets of a datagram of one byte."""
    datagrams(bench).sendto(b"x", ("127.0.0.1", bench.port("a")))
    found: list[bytes] = []

    def came() -> bool:
        try:
            found.append(far.recv(999))
        except BlockingIOError:
            return False
        return True

    bench.until(came, "a datagram comes")
    return found[0]


def test_the_header_of_version_2_says_dgram(tmp_path: Path) -> None:
    text = PROXIES.replace("udp;", "udp; proxy_protocol v2;")
    with upstream() as far, Bench(text, tmp_path, UP=far.getsockname()[1]) as bench:
        data = first_of(bench, far)
        assert data[13] == 0x12
        assert data.endswith(b"x")
        assert len(data) == 16 + 12 + 1


def test_the_socket_is_bound_where_proxy_bind_says(tmp_path: Path) -> None:
    text = PROXIES.replace("udp;", "udp; proxy_bind 127.0.0.3;")
    with upstream() as far, Bench(text, tmp_path, UP=far.getsockname()[1]) as bench:
        first_of(bench, far)
        sock = bench.session().upstream_sock
        assert sock is not None
        assert sock.getsockname()[0] == "127.0.0.3"


def test_a_peer_without_a_way_is_a_failure(tmp_path: Path) -> None:
    text = PROXIES.replace("127.0.0.1:%%UP%%", "unix:/nowhere")
    with Bench(text, tmp_path) as bench:
        datagrams(bench).sendto(b"x", ("127.0.0.1", bench.port("a")))
        bench.until(lambda: bench.status(502) == 1, "the session is refused")
        assert bench.connects("error") == 1
        assert "[crit]" in bench.line("connect() to unix:/nowhere failed (2: No such file or directory)")


def test_an_address_that_is_not_ours_is_no_failure_of_the_peer(tmp_path: Path) -> None:
    text = PROXIES.replace("udp;", "udp; proxy_bind 192.0.2.1;")
    with upstream() as far, Bench(text, tmp_path, UP=far.getsockname()[1]) as bench:
        datagrams(bench).sendto(b"x", ("127.0.0.1", bench.port("a")))
        bench.until(lambda: bench.status(500) == 1, "the session is refused")
        assert bench.connects("error") == 0
