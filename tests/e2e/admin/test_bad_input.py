"""What nobody should send: refused or closed, with the proxy undisturbed and nothing kept of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from administered import Administered
from clients import careless, connect, connect_tls, echoed
from deadline import wait_for
from peers import Peer

MEGABYTES = 8 * 2**20
NASTY = (
    "'; DROP TABLE entities; --", '" OR ""="', "%s%s%s%n", "${jndi:ldap://x}", "{{7*7}}", "../../etc/passwd", "\\x00",
    "a\u202eb", "\U0001f600", "‮", "x" * 5000,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def served(gate: Administered, echo: Peer) -> None:
    """A route that has to go on serving."""
    gate.post("/services", {"name": "served", "url": f"tcp://{echo}"})
    gate.post("/services/served/routes", {"name": "served", "protocols": "tls", "snis": "served.test"})


@pytest.fixture(autouse=True)
def undisturbed(gate: Administered) -> Iterator[None]:
    """Whatever a test does, sessions go on."""
    with connect_tls(gate.port("one"), careless(), "served.test") as client:
        assert echoed(client, b"before") == b"before"
        yield
        assert echoed(client, b"after") == b"after"
    assert gate.get("/routes/served")["snis"] == ["served.test"]


def spoken(gate: Administered, sent: bytes) -> bytes:
    """What comes back for raw bytes, up to the end or a pause."""
    with connect(gate.port("admin")) as client:
        with contextlib.suppress(OSError):
            client.sendall(sent)
        found = b""
        with contextlib.suppress(OSError):
            while part := client.recv(65536):
                found += part
                if b"\r\n\r\n" in found:
                    break
        return found


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"x" * 20000 + b"\r\n\r\n",
        b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"POST /services HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        b"GET /%zz%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /services/\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_malformed_requests_get_a_4xx_or_the_end(gate: Administered, sent: bytes) -> None:
    found = spoken(gate, sent)
    assert found == b"" or re.match(rb"HTTP/1\.[01] (4\d\d|505) ", found), found[:200]


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_bodies_over_the_limit(gate: Administered, kind: str) -> None:
    size = MEGABYTES + 1
    head = f"POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n"
    found = spoken(gate, head.encode() + b"a" * size)
    assert found == b"" or found.startswith(b"HTTP/1.1 413 "), found[:200]


def test_a_body_of_many_chunks_over_the_limit(gate: Administered) -> None:
    head = b"POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    found = spoken(gate, head + chunk * 140)
    assert found == b"" or found.startswith(b"HTTP/1.1 413 "), found[:200]


def test_a_body_just_below_the_limit_is_read(gate: Administered) -> None:
    value = {"host": "h", "name": "x" * (MEGABYTES - 200)}
    assert gate.ask("POST", "/services", value=value).status in (400, 413)


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("field", ["name", "tags", "host", "path"])
def test_nasty_texts_are_texts(gate: Administered, field: str, text: str) -> None:
    value = {"host": "h", field: [text] if field == "tags" else text}
    reply = gate.ask("POST", "/services", value=value)
    assert reply.status in (201, 400), reply
    if reply.status == 201:
        assert gate.get(f"/services/{reply.body['id']}")[field] == value[field]
        assert gate.ask("DELETE", f"/services/{reply.body['id']}").status == 204
    else:
        assert field in reply.body["fields"]


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
@pytest.mark.parametrize("field", ["name", "tags", "host"])
def test_what_no_store_can_keep_is_refused(gate: Administered, field: str, text: str) -> None:
    raw = json.dumps({"host": "h", field: [text] if field == "tags" else text}).encode()
    reply = gate.ask("POST", "/services", raw=raw, headers={"Content-Type": "application/json"})
    assert reply.status == 400, reply


@pytest.mark.parametrize(
    "path",
    [
        "/services/'%20OR%201=1",
        "/services/%27;--",
        "/services/%00",
        "/services/%ED%A0%80",
        "/tags/%27",
        "/services/%25",
    ],
)
def test_nasty_paths_find_nothing(gate: Administered, path: str) -> None:
    reply = gate.ask("GET", path)
    assert reply.status == 404 or (reply.status == 200 and reply.body["data"] == [])


def test_ten_thousand_elements(gate: Administered) -> None:
    good = gate.ask("POST", "/services", value={"host": "h", "tags": [f"t{number}" for number in range(10_000)]})
    assert good.status in (201, 400)
    if good.status == 201:
        assert len(gate.get(f"/services/{good.body['id']}")["tags"]) == 10_000
        assert gate.ask("DELETE", f"/services/{good.body['id']}").status == 204
    bad = gate.ask("POST", "/services", value={"host": "h", "tags": [3] * 10_000})
    assert (bad.status, len(bad.body["fields"]["tags"])) == (400, 10_000)
    snis = gate.ask("POST", "/services/served/routes", value={"protocols": ["tls"], "snis": ["a..b"] * 10_000})
    assert snis.status == 400
    form = gate.ask("POST", "/services", [("host", "h"), *(("tags[]", "a,b") for _ in range(10_000))])
    assert form.status == 400
    assert gate.ask("POST", "/services", [("tags", "x")] * 30_000).status == 400


def test_deep_and_odd_forms(gate: Administered) -> None:
    for pairs in (
        [("a" + "[b]" * 500, "x")],
        [("a" + ".b" * 500, "x")],
        [("a[99999999999]", "x")],
        [("a[-1]", "x")],
        [("", "x")],
        [("[", "x"), ("]", "x"), ("a[", "x"), ("a]b", "x")],
        [("tags[1]", "a"), ("tags.x", "b"), ("tags", "c")],
        [("port", "9" * 400)],
        [("port", "1e400")],
        [("port", "NaN")],
    ):
        reply = gate.ask("POST", "/services", pairs)
        assert (reply.status, reply.body["code"]) == (400, 2), (pairs[0][0][:20], reply)


def resident(pid: int) -> int:
    """Bytes of a process in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_five_hundred_idle_connections_leave_room(gate: Administered) -> None:
    before = resident(gate.pid)
    idle = [connect(gate.port("admin")) for _ in range(500)]
    try:
        for client in idle[::2]:
            client.sendall(b"POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        wait_for(lambda: gate.ask("GET", "/status").status == 200, "somebody else is answered")
        assert gate.post("/services", {"name": "meanwhile", "host": "h"})["name"] == "meanwhile"
        assert gate.ask("DELETE", "/services/meanwhile").status == 204
    finally:
        for client in idle:
            client.close()
    assert resident(gate.pid) - before < 64 * 2**20
    wait_for(lambda: gate.ask("GET", "/status").status == 200, "all are answered again")


def test_a_slow_body_holds_up_nobody(gate: Administered) -> None:
    head = (
        b"POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"
    )
    slow: list[socket.socket] = []
    try:
        for _ in range(20):
            client = connect(gate.port("admin"))
            slow.append(client)
            client.sendall(head)
        assert gate.post("/services", {"name": "quick", "host": "h"})["name"] == "quick"
        assert gate.ask("DELETE", "/services/quick").status == 204
        slow[0].sendall(b'"host":"slow.test"}')
        assert slow[0].recv(65536).startswith(b"HTTP/1.1 201 ")
    finally:
        for client in slow:
            client.close()
