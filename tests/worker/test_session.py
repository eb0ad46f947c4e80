"""What a session says of itself, and its end: counted, logged and closed once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from workerbench import Bench

from penstock.worker.session import Session

TEXT = """
log_format all "$status|$bytes_received|$bytes_sent|$upstream_bytes_sent|$upstream_bytes_received|$connection";
access_log %%DIR%%/access.log all;
server { listen 127.0.0.1:%%PORT_a%%; proxy_pass 127.0.0.1:%%UP%%; }
server { listen 127.0.0.1:%%PORT_says%%; return "four"; }
server { listen 127.0.0.1:%%PORT_waits%% proxy_protocol; return in; }
"""


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield sock


@pytest.fixture
def bench(tmp_path: Path, listening: socket.socket) -> Iterator[Bench]:
    with Bench(TEXT, tmp_path, UP=listening.getsockname()[1]) as running:
        yield running


def logged(bench: Bench) -> list[str]:
    return (bench.directory / "access.log").read_text().splitlines()


def test_a_relayed_session_is_logged_with_its_bytes(bench: Bench, listening: socket.socket) -> None:
    _, client, far = bench.relay(listening)
    bench.say(client, b"12345")
    bench.hear(far, 5)
    bench.say(far, b"123")
    bench.hear(client, 3)
    client.close()
    bench.idle()
    assert logged(bench) == ["200|5|3|5|3|1"]


def test_an_answer_of_our_own_is_logged_with_its_bytes(bench: Bench) -> None:
    assert bench.hear_all(bench.client("says")) == b"four"
    bench.idle()
    assert logged(bench) == ["200|0|4|||1"] or logged(bench) == ["200|0|4|-|-|1"]


def test_what_was_not_delivered_is_not_counted_as_sent(bench: Bench, listening: socket.socket) -> None:
    session, client, _ = bench.relay(listening)
    size = bench.stuff(client, least=1 << 20)
    assert session.client is not None
    assert session.upstream is not None
    kept = session.upstream.waits
    moved = session.client.moved
    assert 0 < kept < moved < size
    session.finish(200)
    assert session.tries[0].sent == moved - kept


def test_a_session_ends_once(bench: Bench) -> None:
    bench.client("waits")
    session = bench.session()
    session.refuse(403, "denied")
    session.refuse(500, "internal")
    session.finish(200)
    session.expired()
    session.step(1)
    assert session.status == 403
    assert session.refusal == "denied"
    assert (bench.refused("denied", "waits"), bench.refused("internal", "waits")) == (1, 0)
    assert len(logged(bench)) == 1
    assert bench.active("waits") == 0


def test_its_duration_is_observed(bench: Bench) -> None:
    bench.hear_all(bench.client("says"))
    bench.idle()
    histogram = bench.layout.session_duration
    assert sum(bench.row[histogram.base : histogram.sum_at]) == 1


def test_a_line_tells_who_where_and_how_much(bench: Bench, listening: socket.socket) -> None:
    session, client, far = bench.relay(listening)
    bench.say(client, b"12345")
    bench.hear(far, 5)
    session.info("something happened")
    up = f"127.0.0.1:{listening.getsockname()[1]}"
    line = bench.line("something happened")
    assert f'*1 something happened, client: 127.0.0.1, server: 127.0.0.1:{bench.port("a")}, upstream: "{up}"' in line
    assert line.endswith(", bytes from/to client:5/0, bytes from/to upstream:0/5")


def test_before_there_is_an_upstream_a_line_has_none(bench: Bench) -> None:
    bench.client("waits")
    bench.session().error("too soon")
    assert bench.line("too soon").endswith(f"client: 127.0.0.1, server: 127.0.0.1:{bench.port('waits')}")


def test_nothing_holds_a_session_that_is_over(bench: Bench, listening: socket.socket) -> None:
    session, client, _ = bench.relay(listening)
    client.close()
    bench.idle()
    assert session.advance is None
    assert session.bucket is None
    assert session.client is not None
    assert session.client.session is None
    assert not hasattr(session.client, "other")


def test_it_has_no_room_for_what_it_does_not_know() -> None:
    assert not hasattr(Session, "__dict__") or "__dict__" not in dir(Session)
