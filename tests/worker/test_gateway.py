"""The sniffing gateway: four modes on one port, limits, and a word for every refusal."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from certs import Authority
from clients import client_hello
from workerbench import Bench

from penstock.shared.proxy_protocol import build_v1
from penstock.worker.gateway import Waiting
from penstock.worker.session import Session

TEXT = """
stream_listen 127.0.0.1:%%PORT_a%%;
stream_listen 127.0.0.1:%%PORT_tls%% ssl;
stream_listen 127.0.0.1:%%PORT_plain%% plain;
stream_listen 127.0.0.1:%%PORT_header%% proxy_protocol;
set_real_ip_from 127.0.0.1;
preread_timeout %%TIMEOUT%%; preread_buffer_size 2048; sniff_limit %%LIMIT%%;
certificate { snis *.test; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
service here  { url tcp://127.0.0.1:%%UP%%; }
service there { url tls://127.0.0.1:%%UP%%; }
route ends    { protocols tls; snis ends.test; service here; }
route again   { protocols tls; snis again.test; service there; }
route through { protocols tls_passthrough; snis through.test; service here; }
route closed  { protocols tls; snis closed.test; service here; deny all; }
route empty   { protocols tls; snis empty.test; }
%%PLAIN%%
"""
PLAIN_ROUTE = "route plain { protocols tcp; destinations 127.0.0.1/32 203.0.113.9; service here; }"


@dataclass
class Gate:
    """A gateway and the upstream of its services."""

    bench: Bench
    listening: socket.socket
    authority: Authority

    def far(self) -> socket.socket:
        return self.bench.accepted(self.listening)


@pytest.fixture
def make(tmp_path: Path, authority: Authority) -> Iterator[Callable[..., Gate]]:
    pair = authority.issue("ends.test", "again.test")
    opened: list[Bench] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)

        def made(limit: str = "pending=100", timeout: str = "10s", plain: str = PLAIN_ROUTE) -> Gate:
            values = {"LIMIT": limit, "TIMEOUT": timeout, "PLAIN": plain, "CRT": str(pair.crt), "KEY": str(pair.key)}
            bench = Bench(TEXT, tmp_path, UP=listening.getsockname()[1], values=values)
            opened.append(bench.__enter__())
            return Gate(bench, listening, authority)

        yield made
        for bench in opened:
            bench.__exit__(None, None, None)


@pytest.fixture
def gate(make: Callable[..., Gate]) -> Gate:
    return make()


# Four modes on one port.


def test_tls_is_terminated(gate: Gate) -> None:
    tls = gate.bench.wrapped(gate.bench.client(), gate.authority.client(), "ends.test")
    gate.bench.shake(tls)
    tls.send(b"secret")
    assert gate.bench.hear(gate.far(), 6) == b"secret"
    assert gate.bench.session().route_name == "ends"


def test_tls_is_encrypted_again(gate: Gate) -> None:
    tls = gate.bench.tls_client(gate.authority.client(), "again.test")
    far = gate.bench.shake(gate.bench.serving(gate.far(), gate.authority.server("up.test")))
    tls.send(b"secret")
    assert gate.bench.hear(far, 6) == b"secret"


def test_tls_is_passed_through_untouched(gate: Gate) -> None:
    client = gate.bench.client()
    hello = client_hello("through.test")
    client.send(hello)
    assert gate.bench.hear(gate.far(), len(hello)) == hello


def test_plain_bytes_are_relayed(gate: Gate) -> None:
    client = gate.bench.client()
    client.send(b"HELO there")
    assert gate.bench.hear(gate.far(), 10) == b"HELO there"
    assert gate.bench.sniffed("plain") == 1
    session = gate.bench.session()
    assert (session.route_name, session.service_name) == ("plain", "here")


def test_tls_that_no_other_route_takes_is_relayed_untouched(gate: Gate) -> None:
    hello = client_hello("ends.tset")
    gate.bench.client().send(hello)
    assert gate.bench.hear(gate.far(), len(hello)) == hello
    assert gate.bench.session().route_name == "plain"


def test_a_plain_listener_does_not_look(gate: Gate) -> None:
    gate.bench.client("plain")
    far = gate.far()  # although the client says nothing
    gate.bench.relaying()
    far.send(b"220 hello")
    assert gate.bench.sniffed("plain", "plain") == 0


def test_a_session_is_counted_under_its_route(gate: Gate) -> None:
    client = gate.bench.client()
    client.send(b"HELO")
    gate.far().close()
    assert gate.bench.ended(client)
    gate.bench.idle()
    row, layout = gate.bench.row, gate.bench.layout
    cells = {layout.target_labels(layout.pair_at(cell)[1]): row[cell] for cell in layout.session_cells() if row[cell]}
    assert cells == {("plain", "here"): 4}


def test_the_destination_of_a_believed_header_chooses_the_route(gate: Gate) -> None:
    client = gate.bench.client("header")
    client.send(build_v1(("192.0.2.7", 1), ("203.0.113.9", 80)) + b"HELO")
    assert gate.bench.hear(gate.far(), 4) == b"HELO"
    other = gate.bench.client("header")
    other.send(build_v1(("192.0.2.7", 1), ("198.51.100.1", 80)) + b"HELO")
    assert gate.bench.ended(other)
    assert gate.bench.refused("no_route", "header") == 1


# Refusals.


def refuse(gate: Gate, word: str, status: int, data: bytes, name: str = "a") -> str:
    client = gate.bench.client(name)
    client.send(data)
    assert gate.bench.ended(client)
    gate.bench.idle()
    assert gate.bench.refused(word, name) == 1
    assert gate.bench.status(status) == 1
    assert gate.bench.active(name) == 0
    return gate.bench.lines("[error]")[-1]


def test_a_name_that_no_route_takes(make: Callable[..., Gate]) -> None:
    gate = make(plain="")
    line = refuse(gate, "no_route", 500, client_hello("ends.tset"))
    assert 'connection refused: no_route: no route for TLS with SNI "ends.tset" from 127.0.0.1:' in line
    assert 'the nearest route is "ends": its SNI is ends.test' in line


def test_a_hello_without_a_name(make: Callable[..., Gate]) -> None:
    assert "TLS without SNI" in refuse(make(plain=""), "no_route", 500, client_hello())


def test_plain_bytes_where_every_route_is_for_tls(make: Callable[..., Gate]) -> None:
    assert "plain traffic" in refuse(make(plain=""), "plain_refused", 400, b"HELO")


def test_plain_bytes_on_a_listener_for_tls(gate: Gate) -> None:
    refuse(gate, "tls_required", 400, b"HELO", "tls")


def test_a_route_without_a_service(gate: Gate) -> None:
    assert 'route "empty" has no service' in refuse(gate, "no_service", 503, client_hello("empty.test"))


def test_a_broken_hello(gate: Gate) -> None:
    hello = bytearray(client_hello("ends.test"))
    hello[43] = 0xFF  # the length of the session id
    assert "broken TLS ClientHello" in refuse(gate, "sniff_malformed", 400, bytes(hello))


def test_a_hello_beyond_the_buffer(gate: Gate) -> None:
    hello = client_hello("ends.test", alpn=["p" * 250] * 10)
    assert len(hello) > 2048
    refuse(gate, "sniff_too_large", 400, hello)


def test_silence(make: Callable[..., Gate]) -> None:
    refuse(make(timeout="100ms"), "sniff_timeout", 400, b"\x16\x03")


def test_a_client_that_a_route_denies(gate: Gate) -> None:
    assert "access forbidden by rule" in refuse(gate, "denied", 403, client_hello("closed.test"))


def test_a_client_that_says_nothing_and_leaves_is_no_refusal(gate: Gate) -> None:
    gate.bench.client().close()
    gate.bench.until(lambda: gate.bench.sniffed("closed"))
    gate.bench.idle()
    assert gate.bench.status(200) == 1


def test_a_handshake_that_fails(gate: Gate) -> None:
    client = gate.bench.client()
    client.send(client_hello("ends.test"))
    gate.bench.until(lambda: gate.bench.session().hello)
    client.send(b"this is no TLS record")
    gate.bench.until(lambda: gate.bench.refused("client_tls"))
    gate.bench.idle()


# How many may be looked at.


def test_over_the_limit_the_oldest_is_refused(make: Callable[..., Gate]) -> None:
    gate = make(limit="pending=3")
    clients = [gate.bench.client() for _ in range(3)]
    gate.bench.until(lambda: len(gate.bench.worker.sessions) == 3)
    newest = gate.bench.client()
    assert gate.bench.ended(clients[0])
    assert gate.bench.refused("overload") == 1
    for client in (newest, *clients[1:]):
        client.send(b"HELO")
        assert gate.bench.hear(gate.far(), 4) == b"HELO"


def test_one_source_cannot_push_others_out(make: Callable[..., Gate]) -> None:
    gate = make(limit="pending=100 per_source=2")
    other = gate.bench.client(source="127.0.0.9")
    mine = [gate.bench.client() for _ in range(4)]
    assert gate.bench.ended(mine[0])
    assert gate.bench.ended(mine[1])
    assert gate.bench.refused("overload") == 2
    assert "sniff_limit per_source" in gate.bench.lines("[error]")[0]
    for client in (other, mine[2], mine[3]):
        client.send(b"HELO")
        assert gate.bench.hear(gate.far(), 4) == b"HELO"


def test_who_was_looked_at_counts_no_more(make: Callable[..., Gate]) -> None:
    gate = make(limit="pending=2")
    for _ in range(5):
        gate.bench.client().send(b"HELO")
        assert gate.bench.hear(gate.far(), 4) == b"HELO"
    tables = gate.bench.listener().tables
    assert tables is not None
    assert len(tables.waiting) == 0
    assert gate.bench.refused("overload") == 0


def test_those_who_wait_are_forgotten_when_the_worker_stops(gate: Gate) -> None:
    gate.bench.client()
    tables = gate.bench.listener().tables
    assert tables is not None
    gate.bench.until(lambda: len(tables.waiting) == 1)
    gate.bench.worker.abort()
    assert len(tables.waiting) == 0
    assert not tables.waiting._sources


@dataclass(eq=False)
class Waiter:
    remote_addr: str
    refusals: list[tuple[int, str]]

    def error(self, text: str) -> None:
        pass

    def refuse(self, status: int, word: str) -> None:
        self.refusals.append((status, word))


def test_a_source_that_is_pushed_out_whole_can_come_back() -> None:
    waiting = Waiting(1, 1)
    one, two = Waiter("a", []), Waiter("b", [])
    waiting.enter(one)  # type: ignore[arg-type]  # all that it reads of a session
    waiting.enter(two)  # type: ignore[arg-type]
    assert one.refusals == [(503, "overload")]
    waiting.leave(one)  # type: ignore[arg-type]
    waiting.leave(two)  # type: ignore[arg-type]
    assert len(waiting) == 0
    assert not waiting._sources


def test_a_session_is_what_a_waiter_stands_for() -> None:
    assert all(hasattr(Session, name) for name in ("error", "refuse"))


def test_destinations_see_the_port_in_front_of_the_gateway(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        text = """
        stream_listen 127.0.0.1:%%PORT_a%%; port_maps 443:%%PORT_a%%;
        service s { url tcp://127.0.0.1:%%UP%%; }
        route r { protocols tcp; destinations :443; service s; }
        """
        with Bench(text, tmp_path, UP=listening.getsockname()[1]) as bench:
            client = bench.client()
            client.sendall(b"through")
            bench.accepted(listening)
            assert bench.relaying()[0].route_name == "r"
