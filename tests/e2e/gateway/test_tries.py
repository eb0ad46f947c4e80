"""Who is tried for a session, how often, and when it is too late to try another; services that are off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import peers
import pytest
from certs import Authority
from clients import connect
from gate import Gate
from peers import Peer
from ports import free_port, release
from routed import LOG, visit

CONFIG: Final = (
    """
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }

    upstream dead   { server 127.0.0.1:%%DEAD1%% max_fails=0; server 127.0.0.1:%%DEAD2%% max_fails=0;
                      server 127.0.0.1:%%DEAD3%% max_fails=0; }
    upstream half   { server 127.0.0.1:%%DEAD1%% max_fails=0 weight=1000; server %%PEER_A%% max_fails=0; }
    upstream sealed { server %%DUMPER%% max_fails=0 weight=1000; server %%TLS%% max_fails=0; }
    upstream resets { server %%RESETS%% max_fails=0 weight=1000; server %%PEER_A%% max_fails=0; }
    upstream backed { server 127.0.0.1:%%DEAD1%% max_fails=0; server %%PEER_A%% backup; }

    service one      { url tcp://127.0.0.1:%%DEAD1%%; }
    service one-0    { url tcp://127.0.0.1:%%DEAD1%%; retries 0; }
    service dead     { host dead; }
    service dead-0   { host dead; retries 0; }
    service dead-1   { host dead; retries 1; }
    service dead-2   { host dead; retries 2; }
    service dead-99  { host dead; retries 99; }
    service half     { host half; }
    service half-0   { host half; retries 0; }
    service never    { host half; proxy_next_upstream off; }
    service sealed   { host sealed; protocol tls; }
    service sealed-0 { host sealed; protocol tls; retries 0; }
    service resets   { host resets; }
    service backed   { host backed; }
    service off      { url tcp://%%PEER_A%%; enabled off; }

    route wide   { protocols tls; snis *.test; service half; }
    route dearer { protocols tcp; destinations 127.0.0.1; service off; }
    %%ROUTES%%
"""
    + LOG
    + "}\n"
)
SERVICES: Final = [
    "one", "one-0", "dead", "dead-0", "dead-1", "dead-2", "dead-99", "half", "half-0", "never", "sealed", "sealed-0",
    "resets", "backed", "off",
]  # fmt: skip


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, authority: Authority, peer_a: Peer, dumper: Peer) -> Iterator[Gate]:
    pair = authority.issue("gate.test")
    routes = "\n".join(f"route {name} {{ protocols tls; snis {name}.test; service {name}; }}" for name in SERVICES)
    dead = [free_port() for _ in range(3)]
    with (
        Peer(peers.resets) as resetting,
        Peer(peers.says("t"), tls=authority.server("t.test")) as tls,
        Gate(
            tmp_path_factory.mktemp("tries"), CONFIG.replace("%%ROUTES%%", routes),
            CRT=pair.crt, KEY=pair.key, PEER_A=peer_a, DUMPER=dumper, RESETS=resetting, TLS=tls,
            DEAD1=dead[0], DEAD2=dead[1], DEAD3=dead[2],
        ) as running,
    ):  # fmt: skip
        yield running
    for port in dead:
        release(port)


@pytest.mark.parametrize(
    ("service", "tries", "first", "refusal"),
    [
        ("one", 1, b"", "upstream_failed"),  # a second try would go where the first one went
        ("one-0", 1, b"", "upstream_failed"),
        ("dead", 3, b"", "upstream_failed"),
        ("dead-0", 1, b"", "upstream_failed"),
        ("dead-1", 2, b"", "upstream_failed"),
        ("dead-2", 3, b"", "upstream_failed"),
        ("dead-99", 3, b"", "upstream_failed"),
        ("half", 2, b"a", ""),
        ("half-0", 1, b"", "upstream_failed"),
        ("never", 1, b"", "upstream_failed"),
        ("sealed", 2, b"t", ""),  # the upstream stands only when its TLS does
        ("sealed-0", 1, b"", "upstream_tls"),
        ("backed", 2, b"a", ""),
    ],
)
def test_so_many_are_tried(gate: Gate, service: str, tries: int, first: bytes, refusal: str) -> None:
    with visit(gate) as client:
        assert client.tls(f"{service}.test") == first
        told = client.told()
    assert len(told.upstream.split(", ")) == tries
    assert (told.route, told.refusal, told.status) == (service, refusal, "502" if refusal else "200")


def test_once_the_upstream_stands_nobody_else_is_tried(gate: Gate) -> None:
    with visit(gate) as client:
        assert client.tls("resets.test", data=b"x") == b""
        told = client.told()
    assert (len(told.upstream.split(", ")), told.route, told.refusal) == (1, "resets", "")


def test_a_service_that_is_off_is_as_if_its_routes_were_not_written(gate: Gate) -> None:
    with visit(gate) as client:
        assert client.tls("off.test") == b"a"
        assert client.told().route == "wide"
    with visit(gate) as client:
        assert client.plain() == b""
        assert client.told().refusal == "plain_refused"


def test_it_comes_back_with_a_reload(gate: Gate) -> None:
    text = gate.file.read_text()
    with connect(gate.port("one")):  # a session that is nowhere yet outlives the change
        gate.file.write_text(text.replace("enabled off", "enabled on"))
        gate.reload()
        with visit(gate) as client:
            assert client.tls("off.test") == b"a"
            assert client.told().route == "off"
        with visit(gate) as client:
            assert client.plain() == b"a"
            assert client.told().route == "dearer"
    gate.file.write_text(text)
    gate.reload()
