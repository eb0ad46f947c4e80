"""The shape that makes sessions cheap, which no clock is needed to see: system calls, pipes, tasks and timers.

The benchmarks say how fast it is; these facts say that nobody has made it slower without meaning to.
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import peers
import pytest
from certs import Authority
from clients import ask, careless, client_hello, connect, connect_tls, echoed, read_exactly
from counted import Counted
from gate import Gate
from needs import requires
from peers import Peer
from tracing import traced

# ruff: noqa: E501  a fact of the configuration is one line

CALLS_PER_CONNECTION: Final = 14.7
"""A plain connection with one request and one answer.

accept4, getsockname (Python makes it with `accept`, to know the family), socket, connect, setsockopt, 2 epoll_ctl,
2 recvfrom and 2 sendto for the bytes, recvfrom for the end, 2 close: 14. A second accept4 every other time, which says
that the queue is empty. nginx 1.22 needs 16 for the same: it asks for SO_ERROR, sets two sockets up by calls of their
own, and asks for no name."""
CALLS_PER_MESSAGE: Final = 2.0
"""A small message from one side to the other: recvfrom and sendto."""
WAITS_PER_EVENT: Final = 2.0
"""uvloop's wait and that of the epoll nested in it: so much when each event comes alone.
Under load one wait brings many events. A connection has five: accepted, connected, request, answer, end."""
WAITS: Final = {"epoll_wait", "epoll_pwait", "epoll_pwait2"}
OWN: Final = 0.2
"""Per unit, what the worker's own timers may add: log lines that are due, deadlines."""
UNITS: Final = 100
SESSIONS: Final = 200

CONFIG = """
stream {
    log_format basic '$remote_addr $status $bytes_sent $bytes_received $session_time "$upstream_addr"';
    access_log access.log basic buffer=64k flush=1s;
    server { listen 127.0.0.1:%%PORT_echo%%; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_answer%%; proxy_pass %%ANSWER%%; }
    server { listen 127.0.0.1:%%PORT_source%%; proxy_pass %%SOURCE%%; }
    server { listen 127.0.0.1:%%PORT_tls%% ssl; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; proxy_pass %%ECHO%%; }
    stream_listen 127.0.0.1:%%PORT_sni%%;
    service echo { url tcp://%%ECHO%%; }
    route echo { protocols tls_passthrough; snis shape.test; service echo; }
}
"""


class QuietGate(Gate):
    """As a busy gateway is run: no line in the error log for each session."""

    def preamble(self) -> str:
        return super().preamble().replace(" info;", " warn;")


@pytest.fixture(scope="module")
def values(authority: Authority) -> Iterator[dict[str, object]]:
    pair = authority.issue("shape.test")
    with (
        Peer(peers.echo) as echo,
        Peer(peers.tells_first_bytes) as answer,
        Peer(peers.sources) as source,
    ):
        yield {"CRT": pair.crt, "KEY": pair.key, "ECHO": echo, "ANSWER": answer, "SOURCE": source}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]) -> Iterator[Gate]:
    with QuietGate(tmp_path_factory.mktemp("shape"), CONFIG, **values) as running:
        yield running


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]) -> Iterator[Counted]:
    with Counted(tmp_path_factory.mktemp("counted"), CONFIG, **values) as running:
        yield running


def per_unit(gate: Gate, directory: Path, unit: Callable[[], object]) -> tuple[float, float, Counter[str]]:
    """Calls that do something, and waits, of the only worker for each unit of work; and all calls by name."""
    (worker,) = gate.workers()
    unit()  # what is needed once is not counted
    with traced(worker, directory) as calls:
        for _ in range(UNITS):
            unit()
    waits = sum(calls[name] for name in WAITS)
    return (calls.total() - waits) / UNITS, waits / UNITS, calls


@requires("strace")
def test_a_connection_asks_little_of_the_kernel(gate: Gate, tmp_path: Path) -> None:
    port = gate.port("answer")
    work, waits, calls = per_unit(gate, tmp_path, lambda: ask(port, b"x"))
    assert calls["connect"] == UNITS
    assert work <= CALLS_PER_CONNECTION + OWN, calls
    assert waits <= 5 * WAITS_PER_EVENT + OWN, calls


@requires("strace")
def test_a_message_asks_little_of_the_kernel(gate: Gate, tmp_path: Path) -> None:
    with connect(gate.port("echo")) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        work, waits, calls = per_unit(gate, tmp_path, lambda: echoed(client, b"x" * 64))
    assert calls["sendto"] == 2 * UNITS
    assert work <= 2 * CALLS_PER_MESSAGE + OWN, calls
    assert waits <= 2 * WAITS_PER_EVENT + OWN, calls


def pipes(pid: int) -> int:
    """Descriptors of a process that are ends of pipes."""
    found = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += os.readlink(descriptor).startswith("pipe:")
        except FileNotFoundError:
            continue
    return found


def test_an_idle_session_holds_no_pipe(gate: Gate) -> None:
    (worker,) = gate.workers()
    before = pipes(worker)
    clients = [connect(gate.port("echo")) for _ in range(20)]
    try:
        for client in clients:
            assert echoed(client, b"idle") == b"idle"
        assert pipes(worker) == before
    finally:
        for client in clients:
            client.close()


def test_a_session_that_has_moved_much_gives_its_pipe_back(gate: Gate) -> None:
    (worker,) = gate.workers()
    before = pipes(worker)
    clients = []
    try:
        for _ in range(10):
            client = connect(gate.port("echo"))
            clients.append(client)
            move_much(client)
        assert pipes(worker) - before in range(2, 5), "each direction had one, and all sessions took turns with them"
    finally:
        for client in clients:
            client.close()


def move_much(client: socket.socket) -> None:
    """Enough for both directions to be spliced."""
    chunk = bytes(1 << 20)
    for _ in range(8):
        client.sendall(chunk)
        assert read_exactly(client, len(chunk)) == chunk


SESSION: Final[dict[str, Callable[[Gate], object]]] = {
    "plain": lambda gate: ask(gate.port("answer"), b"x"),
    "terminated": lambda gate: one_echo(connect_tls(gate.port("tls"), careless(), "shape.test")),
    "passed on by name": lambda gate: one_echo(connect(gate.port("sni")), client_hello("shape.test")),
}


def one_echo(client: socket.socket, data: bytes = b"x") -> None:
    """A session of one message."""
    with client:
        assert echoed(client, data) == data


@pytest.mark.parametrize("kind", SESSION)
def test_a_session_makes_no_task_and_no_timer(counted: Counted, kind: str) -> None:
    session = SESSION[kind]
    session(counted)
    tasks, timers = counted.made()
    for _ in range(SESSIONS):
        session(counted)
    after = counted.made()
    assert after[0] == tasks
    assert after[1] - timers < SESSIONS // 2, "the worker's own timers, which no session adds to"
