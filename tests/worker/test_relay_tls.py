"""Relays with TLS on one side or on both."""

from __future__ import annotations

import gc
import hashlib
import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from certs import Authority
from clients import careless, reset
from workerbench import Bench

from penstock.worker.relay import BUDGET, SIZE, Endpoint
from penstock.worker.relay_tls import MOST, RECORD, MixedEndpoint, TlsEndpoint
from penstock.worker.session import Session

SERVER = """
server { listen 127.0.0.1:%%PORT_a%% %%LISTEN%%; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%;
         proxy_pass 127.0.0.1:%%UP%%; proxy_ssl %%OUT%%; proxy_half_close %%HALF%%; }
"""
MODES = {"in": ("ssl", "off"), "out": ("", "on"), "both": ("ssl", "on")}


@dataclass
class Joined:
    """A session that relays between two sockets of the test, either of which may speak TLS."""

    bench: Bench
    listening: socket.socket
    authority: Authority
    mode: str
    near: socket.socket
    far: socket.socket
    session: Session

    @property
    def client(self) -> Endpoint:
        assert self.session.client is not None
        return self.session.client

    @property
    def upstream(self) -> Endpoint:
        assert self.session.upstream is not None
        return self.session.upstream


Ends = tuple[socket.socket, socket.socket]


def join(bench: Bench, listening: socket.socket, authority: Authority, mode: str) -> Ends:
    """A new session's two ends."""
    near: socket.socket = bench.client()
    if mode != "out":
        near = bench.shake(bench.wrapped(near, careless()))
    far = bench.accepted(listening)
    if mode != "in":
        far = bench.shake(bench.serving(far, authority.server("up.test")))
    return near, far


@pytest.fixture
def mode() -> str:
    return "both"


@pytest.fixture
def half() -> str:
    return "off"


@pytest.fixture
def joined(tmp_path: Path, authority: Authority, mode: str, half: str) -> Iterator[Joined]:
    pair = authority.issue("gate.test")
    listen, out = MODES[mode]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        values = {"LISTEN": listen, "OUT": out, "HALF": half, "CRT": pair.crt, "KEY": pair.key}
        with Bench(SERVER, tmp_path, UP=listening.getsockname()[1], values=values) as bench:
            near, far = join(bench, listening, authority, mode)
            (session,) = bench.relaying()
            yield Joined(bench, listening, authority, mode, near, far, session)


every_mode = pytest.mark.parametrize("mode", list(MODES))


def block(size: int) -> bytes:
    return hashlib.shake_256(b"tls").digest(size)


@every_mode
def test_each_side_has_the_endpoint_that_it_needs(joined: Joined, mode: str) -> None:
    assert type(joined.client) is (MixedEndpoint if mode == "out" else TlsEndpoint)
    assert type(joined.upstream) is (MixedEndpoint if mode == "in" else TlsEndpoint)


@every_mode
def test_bytes_go_both_ways(joined: Joined) -> None:
    joined.bench.say(joined.near, b"there")
    assert joined.bench.hear(joined.far, 5) == b"there"
    joined.bench.say(joined.far, b"and back")
    assert joined.bench.hear(joined.near, 8) == b"and back"
    assert (joined.session.received, joined.session.sent) == (5, 8)


@every_mode
@pytest.mark.parametrize("upwards", [True, False])
def test_megabytes_arrive_as_they_were(joined: Joined, upwards: bool) -> None:
    data = block(6 << 20)
    ends = (joined.near, joined.far) if upwards else (joined.far, joined.near)
    assert joined.bench.carry(*ends, data) == data


@every_mode
def test_a_stream_that_flows_is_read_in_larger_pieces(joined: Joined) -> None:
    for side, source, sink in ((joined.client, joined.near, joined.far), (joined.upstream, joined.far, joined.near)):
        assert isinstance(side, MixedEndpoint)
        data = block(SIZE)
        while side.size < MOST:
            assert joined.bench.carry(source, sink, data * 8) == data * 8


@every_mode
@pytest.mark.parametrize("upwards", [True, False])
def test_a_stalled_reader_keeps_one_buffer_and_gets_all_in_order(joined: Joined, upwards: bool) -> None:
    source, sink = (joined.near, joined.far) if upwards else (joined.far, joined.near)
    side = joined.upstream if upwards else joined.client
    data = block(50_000)
    size = joined.bench.stuff(source, data, least=1 << 20)
    assert 0 < side.waits <= MOST + RECORD
    assert side.other.waiting
    assert isinstance(side.other, MixedEndpoint)
    assert side.other.size == SIZE
    whole = (data * (size // len(data) + 2))[:size]
    assert hashlib.sha256(joined.bench.hear(sink, size)).digest() == hashlib.sha256(whole).digest()


@every_mode
def test_bytes_that_wait_are_not_written_over_by_a_turn_that_was_asked_for(joined: Joined) -> None:
    data = block(50_000)
    size = joined.bench.stuff(joined.near, data, least=1 << 20)
    joined.bench.worker.reactor.again(joined.client.resume)
    joined.bench.turn()
    assert joined.bench.hear(joined.far, size) == (data * (size // len(data) + 2))[:size]


@pytest.mark.parametrize("mode", ["out"])
def test_a_fast_stream_leaves_others_their_turn(joined: Joined, mode: str) -> None:
    assert joined.mode == mode
    joined.near.send(bytes(SIZE * 24))
    joined.client.pump()
    assert SIZE <= joined.client.moved <= BUDGET + SIZE
    assert len(joined.bench.hear(joined.far, SIZE * 24)) == SIZE * 24


@every_mode
def test_what_one_side_said_before_its_end_arrives(joined: Joined) -> None:
    data = block(2 << 20)
    assert joined.bench.carry(joined.far, joined.near, data) == data
    joined.bench.say(joined.far, b"last")
    joined.far.close()
    assert joined.bench.hear_all(joined.near) == b"last"
    joined.bench.idle()
    assert joined.bench.status(200) == 1


@every_mode
def test_the_end_of_a_tls_side_is_told_from_a_cut(joined: Joined, mode: str) -> None:
    """close_notify is sent before the connection is closed."""
    side, other = (joined.near, joined.far) if mode != "out" else (joined.far, joined.near)
    other.close()
    assert joined.bench.hear_all(side) == b""


@pytest.mark.parametrize("mode", ["in", "both"])
def test_the_clients_close_notify_is_its_end(joined: Joined) -> None:
    assert isinstance(joined.near, ssl.SSLSocket)
    joined.bench.some(joined.near.unwrap)
    assert joined.bench.hear_all(joined.far) == b""
    joined.bench.idle()
    assert joined.bench.line("client disconnected")


@every_mode
@pytest.mark.parametrize("who", ["client", "upstream"])
def test_a_reset_ends_the_session(joined: Joined, who: str) -> None:
    reset(joined.near if who == "client" else joined.far)
    joined.bench.idle()
    assert joined.bench.status(200) == 1


@every_mode
def test_bytes_that_are_no_record_end_the_session(joined: Joined, mode: str) -> None:
    side = joined.near if mode != "out" else joined.far
    socket.socket.send(side, b"this is not TLS at all, really")
    who = "client" if mode != "out" else "upstream"
    assert "SSL_read() failed (SSL: " in joined.bench.line(f"while proxying and reading from {who}")
    joined.bench.idle()


@every_mode
@pytest.mark.parametrize("half", ["on"])
@pytest.mark.parametrize("waiting", [False, True])
def test_with_half_close_the_other_way_loses_nothing(joined: Joined, half: str, waiting: bool) -> None:
    """The end of one side is passed on while bytes of the other are already under way, or even unread."""
    assert half
    source, sink = (joined.far, joined.near) if joined.mode == "out" else (joined.near, joined.far)
    data = block(1 << 20)
    socket.socket.shutdown(sink, socket.SHUT_WR)  # of TLS too: as nginx half-closes
    if waiting:
        # nothing turns between: the worker sees the end and the bytes in one batch
        rest = memoryview(data)[joined.bench.some(source.send, data) or 0 :]
    else:
        assert joined.bench.hear_all(source) == b""
        rest = memoryview(data)
    heard = bytearray()

    def step() -> bool:
        nonlocal rest
        if rest:
            rest = rest[joined.bench.some(source.send, rest) or 0 :]
        came = joined.bench.some(sink.recv, 1 << 17)
        assert came != b"" or len(heard) == len(data), f"ended after {len(heard)} bytes"
        heard.extend(came or b"")
        return len(heard) == len(data)

    joined.bench.until(step)
    assert heard == data


@pytest.mark.parametrize("size", [1000, 100_000, 150_000])
def test_an_end_that_came_with_the_last_of_a_handshake_is_not_missed(
    tmp_path: Path, authority: Authority, size: int
) -> None:
    """The client's last flight, all that it has to say and its FIN are one edge, which the handshake uses up."""
    pair = authority.issue("gate.test")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        values = {"LISTEN": "ssl rcvbuf=2m", "OUT": "off", "HALF": "off", "CRT": pair.crt, "KEY": pair.key}
        with Bench(SERVER, tmp_path, UP=listening.getsockname()[1], values=values) as bench:
            client = bench.tls_client(careless())  # done on the client's side: the worker has not turned since
            assert bench.some(client.send, block(size)) == size
            socket.socket.shutdown(client, socket.SHUT_WR)
            far = bench.accepted(listening)
            assert bench.hear_all(far) == block(size)
            bench.idle()


@every_mode
def test_nothing_is_left_of_sessions_that_ended(joined: Joined) -> None:
    def one() -> None:
        near, far = join(joined.bench, joined.listening, joined.authority, joined.mode)
        joined.bench.relaying(2)
        near.send(b"x")
        joined.bench.hear(far, 1)
        near.close()
        joined.bench.relaying(1)
        far.close()

    one()
    gc.collect()
    open_now, watched = len(os.listdir("/proc/self/fd")), joined.bench.watched()
    gc.disable()
    try:
        for _ in range(8):
            one()
        kinds = (Session, TlsEndpoint, MixedEndpoint)
        left = [each for each in gc.get_objects() if type(each) in kinds]
    finally:
        gc.enable()
    assert len(left) == 3
    assert len(os.listdir("/proc/self/fd")) == open_now
    assert joined.bench.watched() == watched
