"""Bytes between two plain sides: what is kept, what is spliced, how it ends."""

from __future__ import annotations

import gc
import hashlib
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from clients import reset
from workerbench import RUNNING, Bench, descriptors_up_to

from penstock.worker.pipes import Pipe
from penstock.worker.relay import BUDGET, FULL, IN, SIZE, SPLICE_BUDGET, Endpoint
from penstock.worker.session import Session

SERVER = "server {{ listen 127.0.0.1:%%PORT_a%%; proxy_pass 127.0.0.1:%%UP%%; {} }}"


@dataclass
class Joined:
    """A session that relays between two sockets of the test."""

    bench: Bench
    listening: socket.socket
    near: socket.socket
    """The client's."""
    far: socket.socket
    """The upstream's."""
    session: Session

    @property
    def client(self) -> Endpoint:
        assert self.session.client is not None
        return self.session.client

    @property
    def upstream(self) -> Endpoint:
        assert self.session.upstream is not None
        return self.session.upstream

    def descriptors(self) -> int:
        """How many descriptors are open, pipes in the pool left out."""
        return len(os.listdir("/proc/self/fd")) - 2 * len(self.bench.worker.pipes._free)

    def more(self) -> tuple[socket.socket, socket.socket]:
        """Another session's two sockets."""
        near = self.bench.client()
        return near, self.bench.accepted(self.listening)


@pytest.fixture
def settings() -> str:
    return ""


@pytest.fixture
def joined(tmp_path: Path, settings: str) -> Iterator[Joined]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        text = SERVER.format(settings)
        with Bench(text, tmp_path, UP=listening.getsockname()[1]) as bench:
            session, near, far = bench.relay(listening)
            yield Joined(bench, listening, near, far, session)


def block(size: int) -> bytes:
    return hashlib.shake_256(b"relay").digest(size)


def half_close(value: str = "on") -> pytest.MarkDecorator:
    return pytest.mark.parametrize("settings", [f"proxy_half_close {value};"])


def test_bytes_go_both_ways(joined: Joined) -> None:
    joined.bench.say(joined.near, b"there")
    assert joined.bench.hear(joined.far, 5) == b"there"
    joined.bench.say(joined.far, b"and back")
    assert joined.bench.hear(joined.near, 8) == b"and back"


def test_bytes_are_counted_while_the_session_is_open(joined: Joined) -> None:
    joined.bench.say(joined.near, b"12345")
    joined.bench.hear(joined.far, 5)
    joined.bench.say(joined.far, b"123")
    joined.bench.hear(joined.near, 3)
    cells = joined.session.bytes_cells()
    assert [joined.bench.row[cell] for cell in cells] == [5, 3]
    assert (joined.session.received, joined.session.sent) == (5, 3)


def test_the_time_of_the_upstreams_first_byte_is_kept(joined: Joined) -> None:
    (attempt,) = joined.session.tries
    assert attempt.first_byte_time is None
    joined.bench.say(joined.far, b"x")
    joined.bench.hear(joined.near, 1)
    assert attempt.first_byte_time is not None
    first = attempt.first_byte_time
    joined.bench.say(joined.far, b"x")
    joined.bench.hear(joined.near, 1)
    assert attempt.first_byte_time == first


@pytest.mark.parametrize("upwards", [True, False])
def test_megabytes_arrive_as_they_were(joined: Joined, upwards: bool) -> None:
    data = block(12 << 20)
    ends = (joined.near, joined.far) if upwards else (joined.far, joined.near)
    assert joined.bench.carry(*ends, data) == data


def test_both_directions_at_once_do_not_mix(joined: Joined) -> None:
    up, down = block(3 << 20), block(4 << 20)[::-1]
    heard = {"up": bytearray(), "down": bytearray()}
    rest = {"up": memoryview(up), "down": memoryview(down)}
    ends = {"up": (joined.near, joined.far), "down": (joined.far, joined.near)}

    def step() -> bool:
        for way, (source, sink) in ends.items():
            rest[way] = rest[way][joined.bench.some(source.send, rest[way][:100_000]) or 0 :]
            heard[way] += joined.bench.some(sink.recv, 100_000) or b""
        return len(heard["up"]) == len(up) and len(heard["down"]) == len(down)

    joined.bench.until(step)
    assert heard == {"up": up, "down": down}


def test_what_a_stalled_reader_does_not_take_is_kept_and_no_more_is_read(joined: Joined) -> None:
    size = joined.bench.stuff(joined.near, b"x" * 50_000, least=1 << 20)
    assert 0 < joined.upstream.waits <= SIZE + Pipe().size
    assert joined.client.waiting
    assert joined.client.moved < size
    assert len(joined.bench.hear(joined.far, size)) == size
    assert joined.upstream.waits == 0


def test_a_stalled_reader_of_bulk_gets_all_in_order(joined: Joined) -> None:
    data = block(1 << 16)
    size = joined.bench.stuff(joined.near, data, least=1 << 20)
    assert joined.upstream.waits <= SIZE + Pipe().size
    came = joined.bench.hear(joined.far, size)
    assert hashlib.sha256(came).digest() == hashlib.sha256((data * (size // len(data) + 1))[:size]).digest()


def test_a_short_message_that_is_not_taken_whole_is_sent_on_later(joined: Joined) -> None:
    joined.bench.stuff(joined.far, least=1 << 20)  # the client does not read: what comes now can only be kept
    heard = joined.bench.hear(joined.near, 100_000)
    assert len(heard) == 100_000
    joined.bench.say(joined.near, b"the other way is free")
    assert joined.bench.hear(joined.far, 21) == b"the other way is free"


def test_bulk_is_spliced_and_its_pipe_given_back(joined: Joined) -> None:
    joined.near.send(bytes(SIZE * 8))
    assert not joined.bench.worker.pipes._free
    joined.bench.hear(joined.far, SIZE * 8)
    assert len(joined.bench.worker.pipes._free) == 1
    assert joined.client.pipe is joined.upstream.pipe is None


def test_a_stalled_bulk_stream_holds_a_pipe_and_an_idle_session_none(joined: Joined) -> None:
    joined.listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # inherited: it stalls early
    near, far = joined.more()
    _, session = joined.bench.relaying(2)
    assert session.upstream is not None
    size = near.send(bytes(8 << 20))
    joined.bench.until(lambda: session.upstream is not None and session.upstream.pipe is not None)
    assert len(joined.bench.hear(far, size)) == size
    assert session.upstream.pipe is None


def test_a_stream_that_slows_down_is_copied_again(joined: Joined) -> None:
    joined.near.send(bytes(SIZE * 8))
    joined.bench.hear(joined.far, SIZE * 8)
    for _ in range(3):
        joined.bench.say(joined.near, b"slow")
        joined.bench.hear(joined.far, 4)
    assert joined.client.full == 0


def test_without_descriptors_bulk_is_copied(joined: Joined) -> None:
    data = block(2 << 20)
    with descriptors_up_to(RUNNING + 1):
        assert joined.bench.carry(joined.near, joined.far, data) == data
        assert not joined.bench.worker.pipes._free


def test_a_fast_stream_leaves_others_their_turn(joined: Joined) -> None:
    near, far = joined.more()
    joined.bench.relaying(2)
    joined.near.send(bytes(SIZE * 16))
    near.send(b"me too")
    joined.bench.until(lambda: joined.client.moved)
    assert joined.client.moved <= max(BUDGET, SPLICE_BUDGET)
    joined.bench.hear(far, 6)


def test_bytes_that_wait_are_not_overtaken_by_a_turn_that_was_asked_for(joined: Joined) -> None:
    """A turn is pending when an edge comes first and fills the other side: then the turn must not read."""
    size = joined.bench.stuff(joined.near, least=1 << 20)
    joined.bench.worker.reactor.again(joined.client.resume)
    joined.bench.worker.reactor.again(joined.client.resume)
    moved = joined.client.moved
    for _ in range(3):
        joined.bench.turn()
    assert joined.client.moved == moved
    assert len(joined.bench.hear(joined.far, size)) == size


def test_a_turn_of_a_session_that_is_over_does_nothing(joined: Joined) -> None:
    client = joined.client
    joined.bench.worker.reactor.again(client.resume)
    joined.session.finish(200)
    joined.bench.turn()
    client.pump()
    client.flush()


def test_edges_that_come_while_a_turn_is_pending_do_not_add_turns(joined: Joined) -> None:
    joined.near.send(bytes(SIZE * 8))
    joined.client.full = FULL - 1
    joined.client.ready(IN)  # a full buffer: it asks for a turn
    turns = joined.bench.worker.reactor._turns
    assert len(turns) == 1
    joined.client.full = FULL - 1
    joined.client.ready(IN)
    assert len(turns) == 1
    assert len(joined.bench.hear(joined.far, SIZE * 8)) == SIZE * 8


# How it ends.


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
    near, far = joined.more()
    joined.bench.relaying(2)
    joined.bench.stuff(near, least=1 << 20)
    near.close()
    far.close()
    joined.bench.relaying(1)
    assert joined.descriptors() == open_now
