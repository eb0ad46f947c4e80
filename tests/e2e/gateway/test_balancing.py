"""Services whose host is an upstream: turns, load, hashes and times, written in the file or brought by records."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import peers
import pytest
from certs import Authority
from clients import careless, connect, connect_tls, read_exactly
from gate import Gate
from peers import Behaviour, Peer
from published import Published
from record_making import puts, route, service, target, upstream
from routed import LOG, proxy_header, visit

NAMES: Final = ("turns", "uneven", "ip", "sni", "ja4", "alpn", "either", "least")
NUMBERS: Final = {name: number for number, name in enumerate(NAMES, 1)}
"""The port on which plain sessions reach each."""
FILE: Final = """
    upstream turns  { %%SERVERS%% }
    upstream uneven { server %%A%% weight=5; server %%B%% weight=3; server %%C%% weight=2; }
    upstream ip     { hash $remote_addr consistent;                %%SERVERS%% }
    upstream sni    { hash $sni consistent;                        %%SERVERS%% }
    upstream ja4    { hash $ja4 consistent;                        %%SERVERS%% }
    upstream alpn   { hash $ssl_preread_alpn_protocols consistent; %%SERVERS%% }
    upstream either { hash $sni$remote_addr consistent;            %%SERVERS%% }
    upstream least  { least_conn; zone least 64k;                  %%SERVERS%% }
""" + "\n".join(
    f"service {name} {{ host {name}; }}"
    f" route {name} {{ protocols tls_passthrough; snis {name} *.{name}; service {name}; }}"
    f" route {name}-plain {{ protocols tcp; destinations :{number}; service {name}; }}"
    for name, number in NUMBERS.items()
)
CONFIG: Final = (
    """
worker_processes 2;
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    stream_listen 127.0.0.1:%%PORT_proxied%% proxy_protocol;
    set_real_ip_from 127.0.0.1;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
"""
    + LOG
)
SHAPES: Final[dict[str, dict[str, Any]]] = {
    "turns": {},
    "uneven": {},
    "ip": {"hash_on": "ip"},
    "sni": {"hash_on": "sni"},
    "ja4": {"hash_on": "$ja4"},
    "alpn": {"hash_on": "$ssl_preread_alpn_protocols"},
    "either": {"hash_on": "sni", "hash_fallback": "ip"},
    "least": {"algorithm": "least-connections"},
}
WEIGHTS: Final = {"uneven": {"A": 500, "B": 300, "C": 200}}


def record_set(found: dict[str, Peer]) -> list[tuple[str, Any]]:
    """The same upstreams as those of the file, as records."""
    records: list[tuple[str, Any]] = []
    for name, shape in SHAPES.items():
        hashing = {"algorithm": "consistent-hashing"} if "hash_on" in shape else {}
        records.append(("upstreams", upstream(name, **shape | hashing)))
        records += [
            ("targets", target(name, str(peer), WEIGHTS.get(name, {}).get(letter, 100)))
            for letter, peer in found.items()
        ]
        records.append(("services", service(name, name)))
        records.append(("routes", route(name, name, "tls_passthrough", f"{name} *.{name}")))
        records.append(("routes", route(f"{name}-plain", name, "tcp", destinations=[f":{NUMBERS[name]}"])))
    return records


@pytest.fixture(scope="module")
def found() -> Iterator[dict[str, Peer]]:
    """Three peers that say who they are."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(Peer(peers.says(name))) for name in "ABC"}


@pytest.fixture(scope="module", params=["file", "records"])
def gate(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    found: dict[str, Peer],
) -> Iterator[Gate]:
    pair = authority.issue("gate.test")
    values = {"CRT": pair.crt, "KEY": pair.key, **found}
    folder = tmp_path_factory.mktemp(request.param)
    servers = " ".join(f"server {peer};" for peer in found.values())
    made: Gate
    if request.param == "file":
        made = Gate(folder, CONFIG + FILE + "}\n", SERVERS=servers, **values)
    else:
        made = Published(folder, CONFIG + "}\n", record_set(found), **values)
    with made as running:
        yield running


def meets(
    gate: Gate, name: str | None = None, source: str = "192.0.2.1", to: int = 1, alpn: tuple[str, ...] = ()
) -> str:
    """Whom a connection meets that names this, or nothing on the port `to`."""
    header = proxy_header((source, 40000), ("198.51.100.1", to))
    with visit(gate, "proxied", header=header) as client:
        return (client.hello(name, alpn) if name else client.plain()).decode()


def shares(met: list[str]) -> dict[str, int]:
    """How often each was met."""
    return dict(Counter(met))


def test_turns_are_even(gate: Gate) -> None:
    counts = shares([meets(gate, "turns") for _ in range(60)])
    assert set(counts) == {"A", "B", "C"}
    assert max(counts.values()) - min(counts.values()) <= 2  # one for each of two workers that take turns on their own


def test_turns_follow_weights(gate: Gate) -> None:
    counts = shares([meets(gate, "uneven") for _ in range(100)])
    assert all(abs(counts[name] - want) <= 4 for name, want in {"A": 50, "B": 30, "C": 20}.items()), counts


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("ip", lambda gate, n: meets(gate, "ip", source=f"192.0.2.{n}")),
        ("ip, plain", lambda gate, n: meets(gate, source=f"192.0.2.{n}", to=NUMBERS["ip"])),
        ("ip, IPv6", lambda gate, n: meets_from_ipv6(gate, n)),
        ("sni", lambda gate, n: meets(gate, f"n{n}.sni")),
        ("variable", lambda gate, n: meets(gate, "alpn", alpn=(f"proto{n}",))),
        ("either, with a name", lambda gate, n: meets(gate, f"n{n}.either")),
        ("either, without", lambda gate, n: meets(gate, source=f"192.0.2.{n}", to=NUMBERS["either"])),
    ],
)
def test_what_is_hashed_meets_the_same_peer_on_every_worker(
    gate: Gate, name: str, ask: Callable[[Gate, int], str]
) -> None:
    first = [ask(gate, number) for number in range(1, 31)]
    assert set(first) == {"A", "B", "C"}, name
    assert max(shares(first).values()) <= 25
    for _ in range(2):
        assert [ask(gate, number) for number in range(1, 31)] == first


def meets_from_ipv6(gate: Gate, number: int) -> str:
    """Whom a client of IPv6 meets."""
    header = proxy_header((f"2001:db8::{number:x}", 40000), ("2001:db8:1::1", NUMBERS["ip"]))
    with visit(gate, "proxied", header=header) as client:
        return client.plain().decode()


def test_the_name_is_hashed_as_it_is_compared(gate: Gate) -> None:
    for number in range(1, 11):
        assert meets(gate, f"n{number}.sni") == meets(gate, f"N{number}.SNI.")


def test_a_fingerprint_may_be_hashed(gate: Gate) -> None:
    assert len({meets(gate, "ja4", alpn=(f"{letter}x",)) for letter in "abcdefghijklmnopqrstuvw"}) > 1
    assert len({meets(gate, "ja4", alpn=("mqtt",)) for _ in range(12)}) == 1


def test_who_has_nothing_to_hash_takes_turns(gate: Gate) -> None:
    assert {meets(gate, to=NUMBERS["sni"]) for _ in range(12)} == {"A", "B", "C"}


def test_the_least_busy_is_met(gate: Gate) -> None:
    with ExitStack() as stack:
        met = []
        for _ in range(9):
            header = proxy_header(("192.0.2.1", 40000), ("198.51.100.1", NUMBERS["least"]))
            client = stack.enter_context(connect(gate.port("proxied")))
            client.sendall(header + b"x")
            met.append(read_exactly(client, 1).decode())
        counts = shares(met)
    assert max(counts.values()) - min(counts.values()) <= 2, counts


@pytest.mark.parametrize("written", ["file", "records"])
def test_a_peer_that_is_slow_to_stand_gets_less(tmp_path: Path, authority: Authority, written: str) -> None:
    """TLS is part of standing: one upstream waits before it answers a hello."""
    own = """
        upstream times { least_time connect; server %%SLOW%%; server %%QUICK%%; }
        service times { host times; protocol tls; }
        route times { protocols tls; snis times.test; service times; }
    """
    text = CONFIG.replace("worker_processes 2", "worker_processes 1") + (own if written == "file" else "") + "}\n"
    pair, context = authority.issue("gate.test"), authority.server("peer.test")
    with Peer(says_late(context)) as slow, Peer(peers.says("Q"), tls=context) as quick:
        base = puts(
            ("upstreams", upstream("times", algorithm="latency")),
            *[("targets", target("times", str(peer))) for peer in (slow, quick)],
            ("services", service("times", "times", protocol="tls")),
            ("routes", route("times", "times", snis="times.test")),
        )
        with Published(tmp_path, text, CRT=pair.crt, KEY=pair.key, SLOW=slow, QUICK=quick) as gate:
            if written == "records":
                gate.publish(*base)
            met = []
            for _ in range(30):
                with connect_tls(gate.port("one"), careless(), "times.test") as client:
                    met.append(client.recv(1).decode())
    assert 0 < met.count("S") < 12, met


def says_late(context: ssl.SSLContext) -> Behaviour:
    """Say `S` over TLS, whose handshake begins late."""

    def behave(connection: socket.socket) -> None:
        threading.Event().wait(0.3)
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.sendall(b"S")
            tls.recv(1)

    return behave
