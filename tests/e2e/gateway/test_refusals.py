"""Every word of a refusal: the same in `$refusal`, in metrics and in the session record, and told in the log."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from certs import Authority
from clients import careless, client_hello, connect, read_exactly
from deadline import wait_for
from gate import Gate
from peers import Peer
from ports import free_port
from routed import LOG, Visit, visit

from penstock.shared.words import REFUSALS

FOLDER: Final = Path(__file__).parents[2] / "data" / "plugins"
LISTENERS: Final = """
    stream_listen 127.0.0.1:%%PORT_one%%;
    stream_listen 127.0.0.1:%%PORT_ssl%% ssl;
    stream_listen 127.0.0.1:%%PORT_proxied%% proxy_protocol;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    plugin file-log { path records.json; }
"""
ROUTES: Final = (
    """
stream {
    preread_timeout 300ms;
    limit_conn_zone $server_port zone=few:1m;
    plugin_path %%FOLDER%%;
    upstream gone { server 127.0.0.1:9 down; }

    service up       { url tcp://%%PEER_A%%; }
    service dead     { url tcp://127.0.0.1:%%DEAD%%; retries 0; }
    service nobody   { host gone; }
    service no-tls   { url tls://%%DUMPER%%; retries 0; }

    route up         { protocols tls; snis up.test;         service up; }
    route nowhere    { protocols tls; snis no-service.test; }
    route closed     { protocols tls; snis denied.test;     service up; deny all; }
    route narrow     { protocols tls; snis limited.test;    service up; limit_conn few 1; }
    route raising    { protocols tls; snis raise.plugin.test; service up; plugin puppet { path told; } }
    route nobody     { protocols tls; snis no-peer.test;    service nobody; }
    route dead       { protocols tls; snis failed.test;     service dead; }
    route no-tls     { protocols tls; snis no-tls.test;     service no-tls; }
    route unbound    { protocols tls; snis internal.test;   service up; proxy_bind 192.0.2.1; }
    route plain      { protocols tcp; sources 10.0.0.1;     service up; }
"""
    + LISTENERS
    + LOG
    + "}\n"
)
TLS_ONLY: Final = (
    """
stream {
    preread_timeout 60s;
    sniff_limit pending=100 per_source=1;
    service up { url tcp://%%PEER_A%%; }
    route up   { protocols tls; snis up.test; service up; }
"""
    + LISTENERS
    + LOG
    + "}\n"
)
MEANT: Final = re.compile(r"\[(?:alert|emerg)\]")
"""What a plugin raises is logged with its traceback."""


def says(name: str) -> Callable[[Visit], None]:
    """End TLS under a name."""
    return lambda client: _nothing(client.tls(name))


def sends(data: bytes) -> Callable[[Visit], None]:
    """Send bytes, and wait for the end."""
    return lambda client: _nothing(client.plain(data))


def _nothing(data: bytes) -> None:
    assert data == b""


def stays_silent(client: Visit) -> None:
    assert client.sock.recv(1) == b""


def overflows(client: Visit) -> None:
    """A hello of 60,000 bytes."""
    message = b"\x01" + (60_000).to_bytes(3) + bytes(60_000)
    records = [message[start : start + 16384] for start in range(0, len(message), 16384)]
    client.plain(b"".join(b"\x16\x03\x01" + len(record).to_bytes(2) + record for record in records))


def breaks_off(client: Visit) -> None:
    """A fatal alert in place of the rest of the handshake."""
    client.sock.sendall(client_hello("up.test"))
    client.sock.recv(1)
    client.sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28")


def comes_second(client: Visit) -> None:
    """While another session holds the only place."""
    first = connect(client.sock.getpeername()[1])
    with careless().wrap_socket(first, server_hostname="limited.test") as holding:
        assert read_exactly(holding, 1) == b"a"
        _nothing(client.tls("limited.test"))


def is_overtaken(client: Visit) -> None:
    """Silent, when another of the same source comes."""
    with connect(client.sock.getpeername()[1]):
        assert client.sock.recv(1) == b""


def broken_hello() -> bytes:
    """One whose session id is longer than the hello."""
    hello = bytearray(client_hello("up.test"))
    hello[43] = 0xFF
    return bytes(hello)


class Refused(NamedTuple):
    """How a word comes about, and what goes with it."""

    status: str
    act: Callable[[Visit], None]
    said: str
    """In the error log, of that session."""
    at: str = "one"
    route: str = ""


CASES: Final = {
    "no_route": Refused("500", says("stranger.test"), 'refused: no_route: .*TLS with SNI "stranger.test"'),
    "no_service": Refused("503", says("no-service.test"), 'refused: no_service: route "nowhere"', route="nowhere"),
    "tls_required": Refused("400", sends(b"GET / HTTP/1.0\r\n\r\n"), "refused: tls_required: plain bytes", at="ssl"),
    "sniff_timeout": Refused("400", stays_silent, "refused: sniff_timeout: nothing that tells"),
    "sniff_malformed": Refused("400", sends(broken_hello()), "refused: sniff_malformed: .*broken TLS ClientHello"),
    "sniff_too_large": Refused("400", overflows, "refused: sniff_too_large: .*larger than preread_buffer_size"),
    "proxy_protocol": Refused("400", sends(b"hello\r\n"), "broken header: .*reading PROXY", at="proxied"),
    "denied": Refused("403", says("denied.test"), "access forbidden by rule", route="closed"),
    "limited": Refused("503", comes_second, 'limiting connections by zone "few"', route="narrow"),
    "plugin": Refused("500", says("raise.plugin.test"), "refused: plugin: .*puppet", route="raising"),
    "no_peer": Refused("502", says("no-peer.test"), "no live upstreams while connecting", route="nobody"),
    "upstream_failed": Refused("502", says("failed.test"), "Connection refused\\) while connecting", route="dead"),
    "upstream_tls": Refused("502", says("no-tls.test"), "failed .* while SSL handshaking to upstream", route="no-tls"),
    "client_tls": Refused("500", breaks_off, "while SSL handshaking, client", route="up"),
    "internal": Refused("500", says("internal.test"), "bind\\(192.0.2.1\\) failed", route="unbound"),
}
TLS_ONLY_CASES: Final = {
    "plain_refused": Refused("400", sends(b"hello\n"), "refused: plain_refused: no route for plain traffic"),
    "overload": Refused("503", is_overtaken, "refused: overload: sniff_limit per_source reached"),
}


def started(folder: Path, text: str, authority: Authority, **values: object) -> Gate:
    """A gateway whose log may tell of what plugins raise."""
    pair = authority.issue("gate.test")
    gate = Gate(folder, text, CRT=pair.crt, KEY=pair.key, FOLDER=FOLDER, DEAD=free_port(), **values)
    gate.trouble = MEANT
    return gate


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, authority: Authority, peer_a: Peer, dumper: Peer) -> Iterator[Gate]:
    with started(tmp_path_factory.mktemp("refusals"), ROUTES, authority, PEER_A=peer_a, DUMPER=dumper) as running:
        yield running


@pytest.fixture(scope="module")
def tls_only(tmp_path_factory: pytest.TempPathFactory, authority: Authority, peer_a: Peer) -> Iterator[Gate]:
    with started(tmp_path_factory.mktemp("tls-only"), TLS_ONLY, authority, PEER_A=peer_a) as running:
        yield running


def record_of(gate: Gate, port: int) -> dict[str, Any]:
    """The session record of a client's port."""

    def found() -> dict[str, Any] | None:
        records = [json.loads(line) for line in gate.read("records.json").splitlines()]
        return next((record for record in records if record["client_port"] == port), None)

    record = wait_for(found, f"the record of port {port}")
    assert record is not None
    return record


def check(gate: Gate, word: str, case: Refused) -> None:
    """Be refused, and find the word everywhere."""
    labels = {"listener": f"127.0.0.1:{gate.port(case.at)}", "reason": word}
    before, errors = gate.metrics(), len(gate.errors())
    with visit(gate, case.at) as client:
        port = client.sock.getsockname()[1]
        case.act(client)
        told = client.told()
    assert (told.refusal, told.status, told.route) == (word, case.status, case.route)
    record = record_of(gate, port)
    assert (record["refusal"], str(record["session"]["status"])) == (word, case.status)
    assert record.get("route", {"name": ""})["name"] == case.route
    gate.wait_metric("penstock_refused_total", before.value("penstock_refused_total", **labels) + 1, **labels)
    assert gate.metric("penstock_refused_total") == before.value("penstock_refused_total") + 1  # and nothing else
    assert re.search(case.said, gate.errors()[errors:]), gate.errors()[errors:]


@pytest.mark.parametrize("word", CASES)
def test_a_refusal_has_one_word_everywhere(gate: Gate, word: str) -> None:
    check(gate, word, CASES[word])


@pytest.mark.parametrize("word", TLS_ONLY_CASES)
def test_so_it_is_where_no_route_takes_plain_traffic(tls_only: Gate, word: str) -> None:
    check(tls_only, word, TLS_ONLY_CASES[word])


def test_the_table_has_every_word() -> None:
    assert {*CASES, *TLS_ONLY_CASES} == set(REFUSALS)


def test_who_is_served_has_no_word(gate: Gate) -> None:
    with visit(gate) as client:
        port = client.sock.getsockname()[1]
        assert client.tls("up.test") == b"a"
        told = client.told()
    assert (told.refusal, told.status) == ("", "200")
    assert "refusal" not in record_of(gate, port)


def test_who_leaves_before_a_word_is_not_refused(gate: Gate) -> None:
    before = gate.metric("penstock_refused_total")
    with visit(gate) as client:
        client.sock.shutdown(socket.SHUT_WR)
        told = client.told()
    assert (told.refusal, told.status) == ("", "200")
    assert gate.metric("penstock_refused_total") == before
