"""The order of a session's story, from accept to the relay."""

from __future__ import annotations

import gc
import os
import socket
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import client_hello, reset
from workerbench import Bench

from penstock.shared.proxy_protocol import build_v1
from penstock.worker.session import Session

SIZE = 3000 * 50 * 70
LONG = f"""
map $remote_port $one {{ default "{"x" * 3000}"; }}
map $remote_port $ten {{ default "{"$one" * 50}"; }}
map $remote_port $all {{ default "{"$ten" * 70}"; }}
"""
"""An answer that no socket buffer takes at once, made of words that a configuration may have."""


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield sock


def server(listening: socket.socket, listen: str = "", settings: str = "") -> str:
    port = listening.getsockname()[1]
    return f"server {{ listen 127.0.0.1:%%PORT_a%% {listen}; {settings} proxy_pass 127.0.0.1:{port}; }}"


def test_its_stations_are_told_at_level_info(tmp_path: Path, listening: socket.socket) -> None:
    with Bench(server(listening), tmp_path) as bench:
        _, client, _ = bench.relay(listening)
        port = client.getsockname()[1]
        client.close()
        bench.idle()
        texts = [line.partition("*1 ")[2] for line in bench.lines("*1 ")]
        up = f"127.0.0.1:{listening.getsockname()[1]}"
        assert texts[0] == f"client 127.0.0.1:{port} connected to 127.0.0.1:{bench.port('a')}"
        assert texts[1].startswith("proxy 127.0.0.1:")
        assert texts[1].endswith(f" connected to {up}")
        assert texts[2].startswith("client disconnected, bytes from/to client:0/0, bytes from/to upstream:0/0")


def test_the_header_is_read_before_the_client_is_judged(tmp_path: Path, listening: socket.socket) -> None:
    settings = "set_real_ip_from 127.0.0.1; deny 192.0.2.7;"
    with Bench(server(listening, "proxy_protocol", settings), tmp_path) as bench:
        client = bench.client()
        client.send(build_v1(("192.0.2.7", 1), ("127.0.0.1", 2)))
        assert bench.ended(client)
        assert bench.status(403) == 1


def test_the_client_is_judged_before_its_bytes_are_looked_at(tmp_path: Path, listening: socket.socket) -> None:
    with Bench(server(listening, settings="ssl_preread on; deny all;"), tmp_path) as bench:
        client = bench.client()
        assert bench.ended(client)
        assert bench.status(403) == 1


def test_values_are_set_in_the_order_written(tmp_path: Path) -> None:
    text = 'server { listen 127.0.0.1:%%PORT_a%%; set $a one; set $b "$a two"; return "$b"; }'
    with Bench(text, tmp_path) as bench:
        assert bench.hear_all(bench.client()) == b"one two"


def test_bytes_that_came_while_connecting_are_not_forgotten(tmp_path: Path, listening: socket.socket) -> None:
    """The look and the wait for the upstream used the edges up."""
    with Bench(server(listening, settings="ssl_preread on;"), tmp_path) as bench:
        client = bench.client()
        hello = client_hello("a.test")
        client.send(hello)
        bench.until(lambda: bench.worker.sessions)
        client.send(b"more")
        client.shutdown(socket.SHUT_WR)
        assert bench.hear_all(bench.accepted(listening)) == hello + b"more"
        bench.idle()


def test_an_answer_that_is_not_taken_is_waited_for(tmp_path: Path) -> None:
    text = LONG + 'server { listen 127.0.0.1:%%PORT_a%%; return "$all"; }'
    with Bench(text, tmp_path) as bench:
        client = bench.client()
        client.send(b"chatter that nobody reads")
        bench.until(lambda: bench.worker.sessions)
        session = bench.session()
        bench.turn()
        assert not session.status
        assert len(bench.hear_all(client)) == SIZE
        bench.idle()
        assert session.said == SIZE


def test_an_answer_that_nobody_takes_is_given_up(tmp_path: Path) -> None:
    text = LONG + 'server { listen 127.0.0.1:%%PORT_a%%; proxy_timeout 100ms; return "$all"; }'
    with Bench(text, tmp_path) as bench:
        client = bench.client()
        bench.until(lambda: bench.status(200))
        assert bench.line("client timed out (110: Connection timed out) while returning text")
        assert 0 < len(bench.hear(client, SIZE)) < SIZE


def test_a_client_that_resets_during_its_answer_ends(tmp_path: Path) -> None:
    text = LONG + 'server { listen 127.0.0.1:%%PORT_a%%; return "$all"; }'
    with Bench(text, tmp_path) as bench:
        client = bench.client()
        bench.until(lambda: bench.worker.sessions)
        bench.turn()
        reset(client)
        bench.idle()
        assert bench.line("while returning text")


def test_no_coroutine_is_left_of_a_story_that_was_told(tmp_path: Path, listening: socket.socket) -> None:
    def stories() -> int:
        return sum(type(each) is types.CoroutineType and each.__name__ == "story" for each in gc.get_objects())

    with Bench(server(listening, settings="ssl_preread on;"), tmp_path) as bench:
        client = bench.client()
        bench.until(lambda: bench.worker.sessions)
        assert stories() == 1
        client.send(b"HELO")
        bench.accepted(listening)
        bench.relaying()
        assert stories() == 0


@pytest.mark.parametrize("settings", ["", "ssl_preread on;", "proxy_protocol on;"])
def test_nothing_is_left_of_sessions_that_did_not_come_to_relaying(
    tmp_path: Path, listening: socket.socket, settings: str
) -> None:
    with Bench(server(listening, settings=settings), tmp_path) as bench:

        def one(number: int) -> None:
            client = bench.client()
            if number % 2:
                client.send(b"HELO")
            if number % 3:
                reset(client)
            else:
                client.close()
            bench.until(lambda: bench.worker.sessions_begun > number)
            bench.until(lambda: not bench.worker.sessions)

        one(0)
        gc.collect()
        gc.disable()
        try:
            open_now = len(os.listdir("/proc/self/fd"))
            for number in range(1, 25):
                one(number)
            assert not [each for each in gc.get_objects() if type(each) is Session]
        finally:
            gc.enable()
        assert len(os.listdir("/proc/self/fd")) == open_now
        assert bench.active() == 0
        assert bench.watched() == {bench.listener().sock.fileno()}
