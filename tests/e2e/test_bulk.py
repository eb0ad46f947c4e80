"""Much data through one session, and readers that stop: every byte arrives, and the gateway's memory stays as it is."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Final

import peers
import pytest
from certs import Authority
from clients import careless, connect, connect_tls, ended_without_a_byte, read_all, reset
from deadline import wait_for
from gate import Gate
from peers import Peer, block, digest_of
from processes import resident

# ruff: noqa: E501  a fact of the configuration is one line

MEGABYTES: Final = int(os.environ.get("PENSTOCK_TEST_BULK_MB", "5120" if os.environ.get("CI") == "true" else "512"))
"""How much goes through one session of each mode."""
BULK: Final = MEGABYTES << 20
SOME: Final = 48 << 20
GROWTH: Final = 6 << 20
"""What a session may cost while it moves data: its buffers, OpenSSL's, and what Python's allocator rounds up to."""

CONFIG = """
stream {
    stream_listen 127.0.0.1:%%PORT_sink%%;
    stream_listen 127.0.0.1:%%PORT_source%%;
    stream_listen 127.0.0.1:%%PORT_stall%%;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    service sink       { url tcp://%%SINK%%; }
    service sink-tls   { url tls://%%SINK_TLS%%; }
    service sink-raw   { url tcp://%%SINK_TLS%%; }
    service source     { url tcp://%%SOURCE%%; }
    service source-tls { url tls://%%SOURCE_TLS%%; }
    service source-raw { url tcp://%%SOURCE_TLS%%; }
    service stall      { url tcp://%%STALL%%; }
    route sink-terminate   { protocols tls; snis terminate.test; destinations :%%PORT_sink%%; service sink; }
    route sink-again       { protocols tls; snis again.test; destinations :%%PORT_sink%%; service sink-tls; }
    route sink-passed      { protocols tls_passthrough; snis passed.test; destinations :%%PORT_sink%%; service sink-raw; }
    route sink-plain       { protocols tcp; destinations :%%PORT_sink%%; service sink; }
    route source-terminate { protocols tls; snis terminate.test; destinations :%%PORT_source%%; service source; }
    route source-again     { protocols tls; snis again.test; destinations :%%PORT_source%%; service source-tls; }
    route source-passed    { protocols tls_passthrough; snis passed.test; destinations :%%PORT_source%%; service source-raw; }
    route source-plain     { protocols tcp; destinations :%%PORT_source%%; service source; }
    route stall-terminate  { protocols tls; destinations :%%PORT_stall%%; service stall; }
    route stall-plain      { protocols tcp; destinations :%%PORT_stall%%; service stall; }
}
"""
MODES: Final = ("terminate", "again", "passed", "plain")


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Gate]:
    pair = authority.issue("bulk.test")
    with (
        Peer(peers.sinks) as sink,
        Peer(peers.sources) as source,
        Peer(peers.sinks, tls=authority.server("bulk.test")) as sink_tls,
        Peer(peers.sources, tls=authority.server("bulk.test")) as source_tls,
        Peer(peers.stalls) as stall,
        Gate(
            tmp_path_factory.mktemp("bulk"), CONFIG, CRT=pair.crt, KEY=pair.key,
            SINK=sink, SOURCE=source, SINK_TLS=sink_tls, SOURCE_TLS=source_tls, STALL=stall,
        ) as running,
    ):  # fmt: skip
        yield running


def opened(gate: Gate, port: str, mode: str) -> socket.socket:
    """A session in one of the modes."""
    if mode == "plain":
        return connect(gate.port(port))
    return connect_tls(gate.port(port), careless(), f"{mode}.test")


class Watched:
    """The most memory that the only worker takes while the block runs, beyond what it took before."""

    def __init__(self, gate: Gate) -> None:
        (self.worker,) = gate.workers()
        self.start = resident(self.worker)
        self.most = self.start

    def look(self) -> None:
        self.most = max(self.most, resident(self.worker))

    @property
    def growth(self) -> int:
        return self.most - self.start


def upload(client: socket.socket, length: int, each: Callable[[], None]) -> bytes:
    """Send so many bytes of `block()`, and give the digest that the sink answers."""
    client.sendall(b"%d\n" % length)
    chunk = memoryview(block())
    for start in range(0, length, len(chunk)):
        client.sendall(chunk[: min(len(chunk), length - start)])
        if start % (64 << 20) == 0:
            each()
    return read_all(client)


def download(client: socket.socket, length: int) -> str:
    """Ask for so many bytes, and give the digest of what comes."""
    client.sendall(b"%d\n" % length)
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(1 << 18))
    while count := client.recv_into(buffer):
        digest.update(buffer[:count])
    return digest.hexdigest()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("mode", MODES)
def test_much_goes_up_through_one_session_in_constant_memory(gate: Gate, mode: str) -> None:
    with opened(gate, "sink", mode) as client:
        upload(client, SOME, lambda: None)  # what a first session costs is no growth
    watched = Watched(gate)
    with opened(gate, "sink", mode) as client:
        told = upload(client, BULK, watched.look)
    watched.look()
    assert told.decode() == digest_of(BULK)
    assert watched.growth < GROWTH


@pytest.mark.parametrize("mode", MODES)
def test_what_comes_down_is_whole(gate: Gate, mode: str) -> None:
    with opened(gate, "source", mode) as client:
        assert download(client, SOME) == digest_of(SOME)


@pytest.mark.parametrize("mode", MODES)
def test_a_client_that_stops_reading_costs_no_memory_and_loses_nothing(gate: Gate, mode: str) -> None:
    with opened(gate, "source", mode) as client:
        client.sendall(b"%d\n" % SOME)
        watched = Watched(gate)
        wait_until_still(gate, "source")
        watched.look()
        assert watched.growth < GROWTH
        digest = hashlib.sha256()
        while data := client.recv(1 << 18):
            digest.update(data)
    assert digest.hexdigest() == digest_of(SOME)


@pytest.mark.parametrize("mode", ["terminate", "plain"])
def test_an_upstream_that_stops_reading_holds_the_client_back(gate: Gate, mode: str) -> None:
    client = opened(gate, "stall", mode)
    watched = Watched(gate)
    client.settimeout(1)
    try:
        for _ in range(256):
            client.sendall(block())
    except TimeoutError:
        pass
    else:
        pytest.fail("256 MB went into a session that nobody reads")
    watched.look()
    assert watched.growth < GROWTH
    if mode == "plain":
        reset(client)
    client.close()


def wait_until_still(gate: Gate, port: str) -> None:
    """Wait until no byte has moved between two looks, some time apart."""
    seen: list[float] = []

    def still() -> bool:
        if gate.metric("penstock_sessions_active", listener=f"127.0.0.1:{gate.port(port)}") < 1:
            return False
        threading.Event().wait(0.2)
        seen.append(gate.metric("penstock_bytes_total", listener=f"127.0.0.1:{gate.port(port)}", direction="out"))
        return len(seen) > 1 and seen[-1] == seen[-2] > 0

    wait_for(still, "the flow has stopped", within=20)


def test_a_client_that_resets_in_mid_stream_ends_its_session(gate: Gate) -> None:
    client = opened(gate, "source", "plain")
    client.sendall(b"%d\n" % SOME)
    client.recv(1000)
    reset(client)
    gate.wait_metric("penstock_sessions_active", 0, listener=f"127.0.0.1:{gate.port('source')}")


def test_an_ended_session_is_an_end_for_tls_too(gate: Gate) -> None:
    with opened(gate, "source", "terminate") as client:
        assert isinstance(client, ssl.SSLSocket)
        client.sendall(b"5\n")
        assert len(read_all(client)) == 5
        assert ended_without_a_byte(client)
