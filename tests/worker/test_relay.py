"""Bytes between two plain sides: what is kept, what is copied, what is spliced."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from descriptors import RUNNING, descriptors_up_to
from relayed import Joined, block, relaying

from penstock.worker.pipes import Pipe
from penstock.worker.relay import BUDGET, FULL, IN, SIZE, SPLICE_BUDGET


@pytest.fixture
def settings() -> str:
    return ""


@pytest.fixture
def joined(tmp_path: Path, settings: str) -> Iterator[Joined]:
    with relaying(tmp_path, settings) as made:
        yield made


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
