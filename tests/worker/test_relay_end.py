"""How a plain relay ends, and that nothing is left of it."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import reset
from relayed import Joined, block, relaying

from penstock.worker.relay import SIZE, Endpoint
from penstock.worker.session import Session


@pytest.fixture
def settings() -> str:
    return ""


@pytest.fixture
def joined(tmp_path: Path, settings: str) -> Iterator[Joined]:
    with relaying(tmp_path, settings) as made:
        yield made


def half_close(value: str = "on") -> pytest.MarkDecorator:
    return pytest.mark.parametrize("settings", [f"proxy_half_close {value};"])


def test_the_clients_end_closes_both(joined: Joined) -> None:
    joined.near.close()
    assert joined.bench.ended(joined.far)
    joined.bench.idle()
    assert joined.bench.status(200) == 1
    assert joined.bench.line("client disconnected, bytes from/to client:0/0")


def test_the_upstreams_end_closes_both(joined: Joined) -> None:
    joined.far.close()
    assert joined.bench.ended(joined.near)
    joined.bench.idle()
    assert joined.bench.line("upstream disconnected")


def test_last_words_that_come_with_the_end_arrive(joined: Joined) -> None:
    joined.near.send(b"bye")
    joined.near.shutdown(socket.SHUT_WR)
    assert joined.bench.hear_all(joined.far) == b"bye"
    joined.bench.idle()


def test_bulk_that_ends_arrives_whole(joined: Joined) -> None:
    data = block(5 << 20)
    assert joined.bench.carry(joined.far, joined.near, data, close=True) == data
    assert joined.bench.hear_all(joined.near) == b""
    joined.bench.idle()


@pytest.mark.parametrize("size", [60_000, 4 << 20])
def test_what_a_slow_client_has_not_taken_yet_is_delivered_after_the_upstreams_end(joined: Joined, size: int) -> None:
    data = block(size)
    joined.bench.say(joined.far, data)
    joined.far.close()
    for _ in range(3):
        joined.bench.turn()
    assert joined.bench.hear_all(joined.near) == data
    joined.bench.idle()


@half_close()
def test_with_half_close_an_end_is_passed_on_and_the_other_way_stays_open(joined: Joined) -> None:
    joined.bench.say(joined.near, b"question")
    joined.near.shutdown(socket.SHUT_WR)
    assert joined.bench.hear_all(joined.far) == b"question"
    joined.bench.say(joined.far, b"answer")
    assert joined.bench.hear(joined.near, 6) == b"answer"
    assert not joined.session.status
    joined.far.close()
    assert joined.bench.ended(joined.near)
    joined.bench.idle()


@half_close()
def test_with_half_close_the_upstream_may_end_first(joined: Joined) -> None:
    joined.bench.say(joined.far, b"greeting")
    joined.far.shutdown(socket.SHUT_WR)
    assert joined.bench.hear_all(joined.near) == b"greeting"
    data = block(2 << 20)
    assert joined.bench.carry(joined.near, joined.far, data, close=True) == data
    joined.bench.idle()


@half_close()
def test_with_half_close_a_stalled_reader_hears_the_end_after_all_bytes(joined: Joined) -> None:
    size = joined.bench.stuff(joined.near, least=1 << 20)
    joined.near.shutdown(socket.SHUT_WR)
    joined.bench.turn()
    assert not joined.upstream.shut
    assert len(joined.bench.hear_all(joined.far)) == size
    joined.bench.say(joined.far, b"got it")
    assert joined.bench.hear(joined.near, 6) == b"got it"


@half_close("off")
def test_without_half_close_the_clients_end_does_not_wait_for_an_answer(joined: Joined) -> None:
    joined.near.shutdown(socket.SHUT_WR)
    joined.bench.idle()
    assert joined.bench.ended(joined.far)


@pytest.mark.parametrize("who", ["client", "upstream"])
@pytest.mark.parametrize("settings", ["", "proxy_half_close on;"])
def test_a_reset_is_an_end_that_is_told(joined: Joined, who: str, settings: str) -> None:
    reset(joined.near if who == "client" else joined.far)
    joined.bench.line(f"recv() failed (104: Connection reset by peer) while proxying and reading from {who}")
    if settings:
        (joined.far if who == "client" else joined.near).close()
    joined.bench.idle()
    assert joined.bench.status(200) == 1


def test_a_reset_while_bytes_wait_for_that_side_ends_the_session(joined: Joined) -> None:
    joined.bench.stuff(joined.near, least=1 << 20)
    reset(joined.far)
    joined.bench.idle()
    assert joined.bench.ended(joined.near) or joined.bench.hear_all(joined.near) == b""


def test_bytes_for_a_side_that_is_gone_end_the_session(joined: Joined) -> None:
    reset(joined.far)
    joined.near.send(b"anybody there?")
    joined.bench.idle()


def test_both_sides_may_end_at_once(joined: Joined) -> None:
    for _ in range(20):
        near, far = joined.more()
        joined.bench.relaying(2)
        near.close()
        far.close()
        joined.bench.relaying(1)
    assert joined.bench.status(200) == 20


@pytest.mark.parametrize("settings", ["proxy_timeout 150ms;"])
def test_an_idle_session_ends(joined: Joined, settings: str) -> None:
    assert settings
    assert joined.bench.ended(joined.near)
    assert joined.bench.ended(joined.far)
    assert joined.bench.line("connection timed out (110: Connection timed out) while proxying connection")
    assert joined.bench.status(200) == 1


@pytest.mark.parametrize("settings", ["proxy_timeout 300ms;"])
def test_bytes_put_the_idle_timeout_off(joined: Joined, settings: str) -> None:
    assert settings
    first = joined.session.deadline
    joined.bench.until(lambda: joined.bench.worker.clock() > first - 0.1)
    joined.bench.say(joined.near, b"x")
    joined.bench.hear(joined.far, 1)
    joined.bench.until(lambda: joined.bench.worker.clock() > first + 0.08)
    assert not joined.session.status
    joined.bench.idle()


def test_a_crash_in_a_relay_ends_its_session_only(joined: Joined) -> None:
    near, far = joined.more()
    first, second = joined.bench.relaying(2)
    joined.bench.allowed_alerts = 1
    assert first.client is not None
    first.client.cell = -(1 << 62)  # counting raises
    joined.near.send(b"boom")
    assert joined.bench.ended(joined.near)
    assert first.status == 500
    assert "unexpected IndexError" in joined.bench.line("[alert]")
    near.send(b"fine")
    assert joined.bench.hear(far, 4) == b"fine"
    assert not second.status


# What is left.


def test_nothing_is_left_of_sessions_that_ended(joined: Joined) -> None:
    def one(bulk: bool) -> None:
        near, far = joined.more()
        joined.bench.relaying(2)
        near.send(bytes(SIZE * 8) if bulk else b"x")
        joined.bench.hear(far, SIZE * 8 if bulk else 1)
        near.close()
        joined.bench.relaying(1)
        far.close()

    one(bulk=True)
    gc.collect()
    open_now, watched = joined.descriptors(), joined.bench.watched()
    gc.disable()
    try:
        for number in range(30):
            one(bulk=number % 3 == 0)
        sessions = [each for each in gc.get_objects() if type(each) in (Session, Endpoint)]
    finally:
        gc.enable()
    assert len(sessions) == 3, "what ended must go without the collector's help"
    assert joined.descriptors() == open_now
    assert joined.bench.watched() == watched
    assert joined.bench.active() == 1


def test_a_pipe_with_bytes_in_it_goes_with_its_session(joined: Joined) -> None:
    gc.collect()
    open_now = joined.descriptors()
    joined.listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # inherited: it stalls early
    near, far = joined.more()
    _, session = joined.bench.relaying(2)
    near.send(bytes(8 << 20))
    joined.bench.until(lambda: session.upstream is not None and session.upstream.pipe is not None)
    near.close()
    far.close()
    joined.bench.relaying(1)
    assert joined.descriptors() == open_now
