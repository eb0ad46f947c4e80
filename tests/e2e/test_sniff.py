"""Sniffing on the wire: what real clients send, in every cut, and what nobody should send."""

from __future__ import annotations

import csv
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import client_hello, connect, ended_without_a_byte
from deadline import wait_for
from gate import Gate
from peers import Peer

from penstock.shared.words import SNIFF_OUTCOMES

CONFIG = """
stream {
    preread_timeout 500ms;
    stream_listen 127.0.0.1:%%PORT_one%%;
    service peer { url tcp://%%PEER_A%%; }
    route any { protocols tcp; destinations 127.0.0.1; service peer; }
}
"""
HELLOS = Path(__file__).parent.parent / "data" / "clienthellos"
RECORDED = list(csv.DictReader((HELLOS / "INDEX.tsv").read_text().splitlines(), delimiter="\t"))


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, peer_a: Peer) -> Iterator[Gate]:
    with Gate(tmp_path_factory.mktemp("sniff"), CONFIG, PEER_A=peer_a) as running:
        yield running


def sent(gate: Gate, data: bytes, piece: int = 0) -> str:
    """How sniffing ends for these bytes, sent in pieces of a size: an outcome's word."""
    before = outcomes(gate)
    with connect(gate.port("one")) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for start in range(0, len(data), piece or len(data)):
                client.sendall(data[start : start + (piece or len(data))])
            served = client.recv(1) == b"a"
        except (BrokenPipeError, ConnectionResetError):
            served = False
    (outcome,) = wait_for(
        lambda: {word for word, count in outcomes(gate).items() if count > before[word]}, "it is counted"
    )
    assert served == (outcome in ("tls", "plain"))
    return outcome


def outcomes(gate: Gate) -> dict[str, float]:
    """How often sniffing has ended in which way."""
    metrics = gate.metrics()
    return {word: metrics.value("penstock_sniff_total", outcome=word) for word in SNIFF_OUTCOMES}


def expected(form: str, data: bytes) -> str:
    """What a recording is: a hello in SSLv2's framing is TLS, DTLS is not, a PROXY header before TLS is plain here."""
    if form == "TLS" and data[0] != 0x16:
        return "plain"
    return {"TLS": "tls", "SSLv2 record": "tls", "DTLS": "malformed"}.get(form, "plain")


def test_there_are_recordings() -> None:
    assert len(RECORDED) > 100


@pytest.mark.parametrize("piece", [0, 7, 100], ids=["whole", "by-7", "by-100"])
def test_every_recorded_client_is_recognised(gate: Gate, piece: int) -> None:
    wrong = {}
    for row in RECORDED:
        data = (HELLOS / row["file"]).read_bytes()
        outcome = sent(gate, data, piece)
        if outcome != expected(row["format"], data):
            wrong[row["file"]] = outcome
    assert wrong == {}


def test_what_opens_otherwise_is_plain(gate: Gate) -> None:
    for data in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
        b"\n",
        b"\x17\x03\x03",
    ):
        assert sent(gate, data) == "plain", data


def test_a_hello_in_the_form_of_sslv2_is_tls_without_a_name(gate: Gate) -> None:
    specs = bytes.fromhex("00002f000035")
    body = b"\x01\x03\x01" + len(specs).to_bytes(2) + b"\x00\x00\x00\x10" + specs + bytes(16)
    assert sent(gate, (0x8000 | len(body)).to_bytes(2) + body) == "tls"


def test_noise_never_stops_the_gateway(gate: Gate) -> None:
    source = random.Random(5)
    hello = client_hello("a.test")
    before = sum(outcomes(gate).values())
    for _ in range(60):
        cut = source.randrange(len(hello))
        noise = source.randbytes(source.randrange(1, 600))
        with connect(gate.port("one")) as client:
            client.sendall(hello[:cut] + noise)
    wait_for(lambda: sum(outcomes(gate).values()) == before + 60, "all of it is judged")
    assert sent(gate, hello) == "tls"


def test_silence_ends_at_preread_timeout_and_is_counted(gate: Gate) -> None:
    labels = {"listener": f"127.0.0.1:{gate.port('one')}"}
    before = gate.metric("penstock_sniff_total", outcome="timeout", **labels)
    with connect(gate.port("one")) as client:
        assert ended_without_a_byte(client)
    gate.wait_metric("penstock_sniff_total", before + 1, outcome="timeout", **labels)
    assert gate.metric("penstock_refused_total", reason="sniff_timeout", **labels) >= 1


def test_half_a_hello_ends_at_preread_timeout(gate: Gate) -> None:
    assert sent(gate, client_hello("a.test")[:100]) == "timeout"


def test_a_hello_that_ends_before_its_end_is_malformed(gate: Gate) -> None:
    before = outcomes(gate)["malformed"]
    with connect(gate.port("one")) as client:
        client.sendall(client_hello("a.test")[:100])
    gate.wait_metric("penstock_sniff_total", before + 1, outcome="malformed")


def test_a_client_that_leaves_without_a_word_is_no_refusal(gate: Gate) -> None:
    before, refused = outcomes(gate)["closed"], gate.metric("penstock_refused_total")
    connect(gate.port("one")).close()
    gate.wait_metric("penstock_sniff_total", before + 1, outcome="closed")
    assert gate.metric("penstock_refused_total") == refused


def test_a_malformed_hello_is_refused(gate: Gate) -> None:
    hello = bytearray(client_hello("a.test"))
    hello[43] = 0xFF  # the session id's length: more than 32 and more than there is
    labels = {"listener": f"127.0.0.1:{gate.port('one')}", "reason": "sniff_malformed"}
    before = gate.metric("penstock_refused_total", **labels)
    assert sent(gate, bytes(hello)) == "malformed"
    gate.wait_metric("penstock_refused_total", before + 1, **labels)


def test_a_hello_beyond_the_buffer_is_refused(gate: Gate) -> None:
    """A handshake message of 60,000 bytes, in records of the largest size."""
    message = b"\x01" + (60_000).to_bytes(3) + bytes(60_000)
    records = [message[start : start + 16384] for start in range(0, len(message), 16384)]
    data = b"".join(b"\x16\x03\x01" + len(record).to_bytes(2) + record for record in records)
    labels = {"listener": f"127.0.0.1:{gate.port('one')}", "reason": "sniff_too_large"}
    before = gate.metric("penstock_refused_total", **labels)
    with connect(gate.port("one")) as client:
        try:
            client.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused while it was still talking
    wait_for(
        lambda: (
            gate.metrics().value("penstock_refused_total", **labels)
            + gate.metrics().value("penstock_refused_total", listener=labels["listener"], reason="sniff_malformed")
            > before
        ),
        "the hello is refused",
    )


def test_many_silent_connections_do_not_keep_others_out(gate: Gate) -> None:
    silent = [connect(gate.port("one")) for _ in range(60)]
    try:
        assert sent(gate, b"plain") == "plain"
        assert sent(gate, client_hello("a.test")) == "tls"
    finally:
        for client in silent:
            client.close()


def test_over_the_limit_of_a_source_the_oldest_silent_connection_goes(
    tmp_path_factory: pytest.TempPathFactory, peer_a: Peer
) -> None:
    text = CONFIG.replace("preread_timeout 500ms;", "preread_timeout 60s; sniff_limit pending=100 per_source=3;")
    with Gate(tmp_path_factory.mktemp("limit"), text, PEER_A=peer_a) as gate:
        silent = [connect(gate.port("one")) for _ in range(5)]
        assert ended_without_a_byte(silent[0])
        assert ended_without_a_byte(silent[1])
        gate.wait_metric("penstock_refused_total", 2, reason="overload")
        for client in silent[2:]:
            client.sendall(b"plain")
            assert client.recv(1) == b"a"
        for client in silent:
            client.close()
