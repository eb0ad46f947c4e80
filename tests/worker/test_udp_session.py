"""A session of datagrams: what is counted, what ends it, and what it keeps while it may not send."""

from __future__ import annotations

from pathlib import Path

from datagrams import PROXIES, datagrams, upstream
from workerbench import Bench

from penstock.worker.udp_session import WAITING, UdpSession, sending


def session_of(bench: Bench) -> UdpSession:
    session = bench.session()
    assert isinstance(session, UdpSession)
    return session


def test_a_send_that_failed_in_nginx_words() -> None:
    assert sending(OSError(111, "")) == "sendmsg() failed (111: Connection refused)"


def test_bytes_are_counted_on_both_sides(tmp_path: Path) -> None:
    with upstream() as far, Bench(PROXIES, tmp_path, UP=far.getsockname()[1]) as bench:
        client = datagrams(bench)
        client.sendto(b"abc", ("127.0.0.1", bench.port("a")))
        session = session_of(bench)
        bench.until(lambda: session.proxying, "it proxies")
        assert session.upstream_sock is not None
        far.sendto(b"de", session.upstream_sock.getsockname())
        assert bench.hear(client, 2) == b"de"
        assert (session.received, session.sent) == (3, 2)
        assert (session.tries[0].sent, session.tries[0].received) == (3, 2)
        cell_in, cell_out = session.bytes_cells()
        assert (bench.row[cell_in], bench.row[cell_out]) == (3, 2)


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    with upstream() as far, Bench(PROXIES, tmp_path, UP=far.getsockname()[1]) as bench:
        datagrams(bench).sendto(b"x", ("127.0.0.1", bench.port("a")))
        session = session_of(bench)
        session.proxying = False
        for _ in range(3):
            session.datagram(bytes(WAITING // 2 + 1))
        assert len(session._waiting) == 2
        session._waiting.clear()
        session.proxying = True


def test_an_upload_beyond_the_rate_waits_for_the_next_second(tmp_path: Path) -> None:
    text = PROXIES.replace("udp;", "udp; proxy_upload_rate 10;")
    with upstream() as far, Bench(text, tmp_path, UP=far.getsockname()[1]) as bench:
        client = datagrams(bench)
        for _ in range(2):
            client.sendto(bytes(15), ("127.0.0.1", bench.port("a")))
        session = session_of(bench)
        bench.until(lambda: session.received == 30, "both came")
        assert session.tries[0].sent == 15
        bench.until(lambda: session.tries[0].sent == 30, "the second went whole")


def test_silence_ends_it_in_order(tmp_path: Path) -> None:
    text = PROXIES.replace("udp;", "udp; proxy_timeout 100ms;")
    with upstream() as far, Bench(text, tmp_path, UP=far.getsockname()[1]) as bench:
        datagrams(bench).sendto(b"x", ("127.0.0.1", bench.port("a")))
        bench.until(lambda: bench.status(200) == 1, "it ends")
        assert bench.line("udp timed out, packets from/to client:1/0, bytes from/to client:1/0")
