"""The plugins that decide, in a started Penstock: for plain sessions, and those whose TLS ends or is passed through."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from certs import Authority, Pair
from clients import read_all
from deadline import wait_for
from gate import Gate, Tried
from mmdb import mmdb
from needs import need
from peers import Peer
from redis_server import RedisServer
from three_ways import HEAD, WAYS, last_record, opened, records, routes, visited

PLACES: Final = {
    "127.0.0.1/32": {"country": {"iso_code": "DE"}, "continent": {"code": "EU"}, "autonomous_system_number": 64500},
    "127.0.0.2/32": {"country": {"iso_code": "US"}, "continent": {"code": "NA"}, "autonomous_system_number": 64501},
}
PLUGINS: Final = {
    "banner": 'plugin session-termination { message "bye $remote_addr\\n"; }',
    "answer": 'plugin session-termination { status 200; message "220 hi\\r\\n"; }',
    "acl_sni": "plugin acl { deny { sni bad.*; } }",
    "acl_allow": "plugin acl { allow { sni good.*; alpn h2; } }",
    "acl_tls": "plugin acl { deny { tls_version none; } }",
    "acl_ja4": "plugin acl { allow { ja4 t13d*; } status 503; }",
    "geo_allow": "plugin geo { database %%DIR%%/places.mmdb; allow { countries DE; } }",
    "geo_deny": "plugin geo { database %%DIR%%/places.mmdb; deny { asns 64500; } }",
    "geo_unknown": "plugin geo { database %%DIR%%/places.mmdb; allow { countries US; } allow_unknown on; }",
    "slow_down": "plugin bandwidth { download 64k; }",
    "slow_up": "plugin bandwidth { upload 64k; }",
    "rate": "plugin rate-limiting { hour 3; limit_by route; }",
    "places": "plugin rate-limiting { concurrent 2; }",
    "expression": "plugin pre-function { preread \"session.sni in (None, 'good.ended.test', 'good.passed.test')\"; }",
    "statement": 'plugin pre-function { init "import asyncio"; preread "await asyncio.sleep(0.01)" '
    "\"session.add_field('mine', session.alpn)\"; log \"worker.log('notice', f'over after {session.received}')\"; }",
}
CLIENTS: Final = {
    "acl_subject": 'plugin acl { allow { subject "*CN=alice*"; } }',
    "acl_print": "plugin acl { deny { fingerprint %%BOB%%; } }",
}


@pytest.fixture(scope="module")
def people(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder = tmp_path_factory.mktemp("people")
    found = {}
    for name in ("alice", "bob"):
        leaf = authority.ca.issue_cert(f"{name}.test", common_name=name)
        found[name] = pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
        leaf.cert_chain_pems[0].write_to_path(str(pair.crt))
        leaf.private_key_pem.write_to_path(str(pair.key))
    return found


@pytest.fixture(scope="module")
def gate(
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    people: dict[str, Pair],
    echo: Peer,
    tls_echo: Peer,
) -> Iterator[Gate]:
    folder = tmp_path_factory.mktemp("shipped")
    (folder / "places.mmdb").write_bytes(mmdb(PLACES))
    pair = authority.issue("*.ended.test")
    verify = f"client_verify optional; ca_certificates {authority.file};"
    text = "worker_processes 2; stream { plugin file-log { path records; }" + HEAD
    text += "".join(routes(name, plugins) for name, plugins in PLUGINS.items())
    text += "".join(routes(name, plugins, verify) for name, plugins in CLIENTS.items()) + "}"
    der = ssl.PEM_cert_to_DER_cert(people["bob"].crt.read_text())
    values = {"CRT": pair.crt, "KEY": pair.key, "ECHO": echo, "TLS_ECHO": tls_echo}
    with Gate(folder, text, BOB=hashlib.sha256(der).hexdigest(), **values) as running:
        yield running


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "said", "status"), [("banner", b"bye 127.0.0.1\n", 503), ("answer", b"220 hi\r\n", 200)]
)
def test_termination_says_its_banner_where_it_can_be_read(
    gate: Gate, name: str, said: bytes, status: int, way: str
) -> None:
    before = len(records(gate))
    assert visited(gate, name, way) == (said if way != "passed" else b"")
    record = last_record(gate, f"{name}_{way}", before)
    assert record["session"]["status"] == status
    assert record.get("refusal") == ("plugin" if status != 200 else None)
    assert record["tries"] == []


@pytest.mark.parametrize(
    ("name", "way", "label", "let_in"),
    [
        ("acl_sni", "plain", "a", True),
        ("acl_sni", "ended", "a", True),
        ("acl_sni", "ended", "bad", False),
        ("acl_sni", "passed", "a", True),
        ("acl_sni", "passed", "bad", False),
        ("acl_allow", "plain", "good", False),
        ("acl_allow", "ended", "good", True),
        ("acl_allow", "ended", "bad", False),
        ("acl_allow", "passed", "good", True),
        ("acl_allow", "passed", "other", False),
        ("acl_tls", "plain", "a", False),
        ("acl_tls", "ended", "a", True),
        ("acl_tls", "passed", "a", True),
        ("acl_ja4", "plain", "a", False),
        ("acl_ja4", "ended", "a", True),
        ("acl_ja4", "passed", "a", True),
    ],
)
def test_acl_lists_decide(gate: Gate, name: str, way: str, label: str, let_in: bool) -> None:
    before = len(records(gate))
    how: dict[str, Any] = {"label": label, "alpn": ("h2",)} if way != "plain" else {}
    assert visited(gate, name, way, **how) == (b"hello" if let_in else b"")
    record = last_record(gate, f"{name}_{way}", before)
    assert record.get("refusal") == (None if let_in else "denied")


def test_acl_needs_every_list_of_allow(gate: Gate) -> None:
    assert visited(gate, "acl_allow", "ended", label="good", alpn=("mqtt",)) == b""
    gate.logged(r'connection refused: denied: plugin "acl": ALPN not allowed: "mqtt", client: 127\.0\.0\.1')


@pytest.mark.parametrize(
    ("name", "who", "let_in"),
    [
        ("acl_subject", "alice", True),
        ("acl_subject", "bob", False),
        ("acl_subject", None, False),
        ("acl_print", "alice", True),
        ("acl_print", "bob", False),
        ("acl_print", None, True),
    ],
)
def test_acl_knows_client_certificates(
    gate: Gate, people: dict[str, Pair], name: str, who: str | None, let_in: bool
) -> None:
    certificate = people[who] if who is not None else None
    assert visited(gate, name, "ended", certificate=certificate) == (b"hello" if let_in else b"")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "source", "let_in"),
    [
        ("geo_allow", "127.0.0.1", True),
        ("geo_allow", "127.0.0.2", False),
        ("geo_allow", "127.0.0.3", False),
        ("geo_deny", "127.0.0.1", False),
        ("geo_deny", "127.0.0.2", True),
        ("geo_unknown", "127.0.0.3", True),
    ],
)
def test_geo_decides_by_place(gate: Gate, name: str, source: str, let_in: bool, way: str) -> None:
    assert visited(gate, name, way, source=source) == (b"hello" if let_in else b"")


def test_geo_tells_the_place_in_the_record(gate: Gate) -> None:
    before = len(records(gate))
    assert visited(gate, "geo_deny", "plain", source="127.0.0.2") == b"hello"
    assert last_record(gate, "geo_deny_plain", before)["geo"] == {"country": "US", "continent": "NA", "asn": "64501"}


def took(gate: Gate, name: str, way: str, size: int) -> float:
    """Seconds until so many bytes came back."""
    with opened(gate, name, way) as client:
        begun = time.monotonic()
        client.sendall(bytes(size))
        left = size
        while left:
            more = client.recv(left)
            assert more
            left -= len(more)
        return time.monotonic() - begun


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["slow_down", "slow_up"])
def test_bandwidth_limits_each_direction(gate: Gate, name: str, way: str) -> None:
    assert 0.5 < took(gate, name, way, 128 * 1024) < 10


@pytest.mark.parametrize("way", WAYS)
def test_a_rate_is_exact_over_workers(gate: Gate, way: str) -> None:
    answers = [visited(gate, "rate", way) for _ in range(10)]
    assert answers == [b"hello"] * 3 + [b""] * 7
    gate.logged(rf'limited: plugin "rate-limiting": 3 sessions per hour of route:rate_{way}, the next one in ')


@pytest.mark.parametrize("way", WAYS)
def test_places_are_exact_over_workers_and_given_back(gate: Gate, way: str) -> None:
    with ExitStack() as stack:
        clients = []
        for _ in range(2):
            client = stack.enter_context(opened(gate, "places", way))
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            clients.append(client)
        assert [visited(gate, "places", way) for _ in range(4)] == [b""] * 4
    wait_for(lambda: visited(gate, "places", way) == b"hello", "a place is free again")


def test_a_worker_that_dies_gives_its_places_back(tmp_path: Path, echo: Peer) -> None:
    text = """worker_processes 2; stream { plugin rate-limiting { concurrent 1; }
              server { listen 127.0.0.1:%%PORT_a%%; proxy_pass %%ECHO%%; } }"""
    with Gate(tmp_path, text, ECHO=echo) as gate:
        gate.trouble = re.compile(r"\[emerg\]")  # that a worker was killed is an alert
        with opened(gate, "a", "plain") as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            assert visited(gate, "a", "plain") == b""
            holder = re.findall(r" (\d+)#\d+: \*\d+ client 127", gate.errors())[0]
            os.kill(int(holder), signal.SIGKILL)
            wait_for(lambda: visited(gate, "a", "plain") == b"hello", "its place is free")


@pytest.mark.parametrize(
    ("way", "label", "let_in"),
    [
        ("plain", "x", True),
        ("ended", "good", True),
        ("ended", "bad", False),
        ("passed", "good", True),
        ("passed", "bad", False),
    ],
)
def test_an_expression_decides(gate: Gate, way: str, label: str, let_in: bool) -> None:
    how: dict[str, Any] = {"label": label} if way != "plain" else {}
    assert visited(gate, "expression", way, **how) == (b"hello" if let_in else b"")


@pytest.mark.parametrize("way", WAYS)
def test_statements_may_wait_add_fields_and_log(gate: Gate, way: str) -> None:
    before = len(records(gate))
    how: dict[str, Any] = {"alpn": ("mine",)} if way != "plain" else {}
    assert visited(gate, "statement", way, **how) == b"hello"
    assert last_record(gate, f"statement_{way}", before)["mine"] == (["mine"] if way != "plain" else [])
    gate.logged(r'plugin "pre-function": over after \d+')


REDIS: Final = """
worker_processes 2;
stream {
    server { listen 127.0.0.1:%%PORT_a%%; proxy_pass %%ECHO%%; }
    plugin rate-limiting { %%LIMIT%% policy redis; fault_tolerant %%TOLERANT%%;
                           redis { host 127.0.0.1; port %%REDIS%%; timeout 500ms; } }
}
"""


def redis_gate(folder: Path, redis: RedisServer, echo: Peer, limit: str, tolerant: str = "on") -> Gate:
    folder.mkdir()
    return Gate(folder, REDIS, REDIS=redis.port, ECHO=echo, LIMIT=limit, TOLERANT=tolerant)


def test_two_nodes_share_limits_through_redis(tmp_path: Path, echo: Peer) -> None:
    need("redis-server")
    with (
        RedisServer(tmp_path) as redis,
        redis_gate(tmp_path / "one", redis, echo, "concurrent 2;") as one,
        redis_gate(tmp_path / "two", redis, echo, "concurrent 2;") as two,
    ):
        with opened(one, "a", "plain") as first, opened(two, "a", "plain") as second:
            for client in (first, second):
                client.sendall(b"x")
                assert client.recv(1) == b"x"
            assert [visited(each, "a", "plain") for each in (one, two)] == [b"", b""]
        wait_for(lambda: visited(two, "a", "plain") == b"hello", "a place is free again")


@pytest.mark.parametrize(("tolerant", "answers"), [("on", [b"hello", b"hello", b""]), ("off", [b"", b"", b""])])
def test_without_redis_limits_fail_open_or_closed(
    tmp_path: Path, echo: Peer, tolerant: str, answers: list[bytes]
) -> None:
    need("redis-server")
    redis = RedisServer(tmp_path)
    with redis_gate(tmp_path / "one", redis, echo, "hour 2;", tolerant) as gate:
        assert [visited(gate, "a", "plain") for _ in answers] == answers
        gate.logged(rf'plugin "rate-limiting": Redis at 127\.0\.0\.1:{redis.port} cannot be asked: ')
        redis.start()
        try:
            wait_for(lambda: visited(gate, "a", "plain") == b"hello", "Redis is found")
        finally:
            redis.stop()


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ("session-termination { status 404; }", "status: expected one of: 200, 400, 403, 500, 502, 503"),
        ("session-termination { message $nothing; }", 'unknown "nothing" variable'),
        ("acl {}", "at least one of these fields must be non-empty: 'allow', 'deny'"),
        ("acl { deny { names x; } }", 'unknown field "deny.names"'),
        ("acl { deny { tls_version TLSv2; } }", 'invalid value "TLSv2" in "deny.tls_version"'),
        ("geo { database nothing.mmdb; }", "FileNotFoundError"),
        ("geo {}", "database: required field missing"),
        ("bandwidth { download fast; }", '"download" directive invalid value'),
        ("rate-limiting { limit_by ip; }", "'second', 'minute', 'hour', 'concurrent'"),
        ("rate-limiting { second 5; policy redis; }", "policy redis needs a block redis"),
        ('pre-function { preread "x ="; }', "preread 1: line 1: invalid syntax: x ="),
        ("tcp-log { host x; }", "port: required field missing"),
        ("udp-log { host x; port 0; }", "port: value should be between 1 and 65535"),
        ("http-log { http_endpoint ftp://x; }", "http_endpoint: invalid value: ftp://x"),
        ("syslog { facility local9; }", "facility"),
        ("statsd { metrics { name latency; } }", "stat_type: required field missing"),
    ],
)
def test_a_mistake_is_told_with_field_and_line(tmp_path: Path, plugin: str, said: str) -> None:
    user = "user root;" if os.geteuid() == 0 else ""  # nobody else may be able to read this interpreter's modules
    text = f"{user} stream {{ server {{ listen 127.0.0.1:%%PORT_a%%; return x; }}\nplugin {plugin}\n}}"
    tried = Tried(tmp_path, text, "-t")
    assert tried.status == 1
    assert said in tried.said
    assert f"penstock.conf:{tried.line_of('plugin ')}" in tried.said


def test_sessions_of_datagrams_are_limited_and_ended(tmp_path: Path) -> None:
    text = """stream { plugin session-termination { message "no\\n"; } plugin rate-limiting { hour 2; }
              server { listen 127.0.0.1:%%PORT_u%% udp; proxy_pass 127.0.0.1:9; } }"""
    with Gate(tmp_path, text) as gate, ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(3)]
        for client in clients[:2]:
            client.settimeout(10)
            client.sendto(b"x", ("127.0.0.1", gate.port("u")))
            assert client.recv(100) == b"no\n"
        clients[2].sendto(b"x", ("127.0.0.1", gate.port("u")))
        gate.logged(r'limited: plugin "rate-limiting": 2 sessions per hour of ip:127\.0\.0\.1')


def test_a_banner_is_whole_for_a_client_that_only_listens(tmp_path: Path) -> None:
    text = """stream { plugin session-termination { message "220 ready\\r\\n"; status 200; }
              server { listen 127.0.0.1:%%PORT_a%%; proxy_pass 127.0.0.1:9; } }"""
    with Gate(tmp_path, text) as gate, opened(gate, "a", "plain") as client:
        assert read_all(client) == b"220 ready\r\n"
