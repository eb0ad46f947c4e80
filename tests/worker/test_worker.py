"""A worker's end: draining, being cut off, and bugs that must stay with their session."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from workerbench import Bench

HOLDS = "server { listen 127.0.0.1:%%PORT_a%% proxy_protocol; return in; }"
SAYS = "server { listen 127.0.0.1:%%PORT_b%%; return hello; }"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(f"{SAYS} {HOLDS}", tmp_path) as running:
        yield running


def held(bench: Bench) -> socket.socket:
    """A client whose session waits."""
    client = bench.client()
    bench.until(lambda: bench.worker.sessions)
    return client


def test_an_idle_worker_is_done_at_once(bench: Bench) -> None:
    bench.worker.drain(None)
    assert bench.worker.done.done()
    assert bench.event("sessions_aborted") == 0


def test_a_drain_waits_for_sessions(bench: Bench) -> None:
    client = held(bench)
    bench.worker.drain(None)
    bench.turn()
    assert not bench.worker.done.done()
    client.close()
    bench.until(bench.worker.done.done)


def test_a_drain_that_lasts_too_long_cuts_sessions_off(bench: Bench) -> None:
    client = held(bench)
    bench.worker.drain(0.1)
    assert bench.ended(client)
    assert bench.worker.done.done()
    assert bench.event("sessions_aborted") == 1


def test_a_second_drain_changes_nothing(bench: Bench) -> None:
    held(bench)
    bench.worker.drain(None)
    bench.worker.drain(0.0)
    bench.turn()
    assert not bench.worker.done.done()


def test_a_session_that_ends_while_the_queues_are_taken_does_not_end_the_drain(bench: Bench) -> None:
    """The first queue's session is over at once, the second queue's is only beginning."""
    bench.client("b")
    waits = bench.client("a")
    bench.worker.drain(None)
    bench.turn()
    assert not bench.worker.done.done()
    assert len(bench.worker.sessions) == 1
    waits.close()
    bench.until(bench.worker.done.done)


def test_a_stop_ends_everything_now(bench: Bench) -> None:
    clients = [bench.client() for _ in range(3)]
    bench.until(lambda: len(bench.worker.sessions) == 3)
    bench.worker.abort()
    assert bench.worker.done.done()
    assert all(bench.ended(client) for client in clients)
    assert bench.event("sessions_aborted") == 3
    assert bench.active() == 0


def test_a_stop_without_sessions_is_done(bench: Bench) -> None:
    bench.worker.abort()
    assert bench.worker.done.done()


def test_a_bug_is_told_with_its_place_and_number(bench: Bench) -> None:
    bench.allowed_alerts = 1
    try:
        raise KeyError("lost")
    except KeyError as error:
        bench.worker.crashed(error, 7)
    line = bench.line("[alert]")
    assert "*7 unexpected KeyError: 'lost' at test_a_bug_is_told_with_its_place_and_number:" in line


def test_a_bug_in_a_story_ends_its_session_with_500(bench: Bench) -> None:
    bench.allowed_alerts = 1
    client = held(bench)
    session = bench.session()
    session.advance = lambda _mask: 1 // 0
    client.send(b"x")
    assert bench.ended(client)
    assert session.status == 500
    assert bench.refused("internal") == 1


def test_a_bug_that_belongs_to_nobody_is_told_all_the_same(bench: Bench) -> None:
    bench.allowed_alerts = 1
    bench.worker.reactor.again(lambda: 1 // 0)
    assert "unexpected ZeroDivisionError" in bench.line("[alert]")
    assert bench.hear_all(bench.client("b")) == b"hello"


def test_a_log_line_that_cannot_be_rendered_keeps_no_connection_open(bench: Bench) -> None:
    class Broken:
        def log(self, _session: object) -> None:
            raise ValueError("no such line")

    bench.allowed_alerts = 1
    client = held(bench)
    session = bench.session()
    session.target.writers = (Broken(),)  # type: ignore[assignment]
    client.close()
    bench.idle()
    assert session.sock.fileno() == -1
    assert bench.watched() == {listener.sock.fileno() for listener in bench.worker.listeners}
