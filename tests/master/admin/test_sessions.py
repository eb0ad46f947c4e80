"""`/sessions` of a Penstock that serves."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from administered import Administered
from clients import careless, connect, connect_tls, echoed
from deadline import wait_for
from peers import Peer, echo

from penstock.master.admin.sessions import listed
from penstock.master.inquiries import Answers

CONFIG = """
worker_processes 2;
admin_listen 127.0.0.1:%%PORT_admin%%;
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    service s { url tcp://%%PEER%%; }
    route r { protocols tcp; destinations :%%PORT_one%%; service s; }
    route secret { protocols tls; snis a.test; service s; }
    server { listen 127.0.0.1:%%PORT_two%% udp; proxy_pass 127.0.0.1:%%PORT_nobody%%; }
}
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    with Peer(echo) as peer, Administered(tmp_path_factory.mktemp("gate"), CONFIG, PEER=peer) as running:
        yield running


@pytest.fixture
def session(gate: Administered) -> Iterator[socket.socket]:
    with connect(gate.port("one")) as client:
        assert echoed(client, b"abc") == b"abc"
        yield client


def own(gate: Administered, client: socket.socket) -> dict[str, object]:
    """The session of a client."""
    port = client.getsockname()[1]
    return next(each for each in gate.get("/sessions")["data"] if each["client"]["port"] == port)


def test_a_session_is_listed_with_what_moved(gate: Administered, session: socket.socket) -> None:
    shown = own(gate, session)
    assert (shown["route"], shown["service"], shown["bytes"]) == ("r", "s", {"received": 3, "sent": 3})
    assert gate.get(f"/sessions/{shown['id']}")["id"] == shown["id"]


def test_a_session_with_tls_is_found_by_its_name(gate: Administered) -> None:
    with connect_tls(gate.port("one"), careless(), "a.test") as client:
        assert echoed(client, b"abc") == b"abc"
        (shown,) = gate.get("/sessions?sni=A.test")["data"]
        assert (shown["sni"], shown["route"], shown["tls_version"]) == ("a.test", "secret", "TLSv1.3")
        assert shown["tcp"]["client"]["retransmits"] >= 0


def test_a_session_of_datagrams(gate: Administered) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", gate.port("two")))
        client.send(b"x")
        port = client.getsockname()[1]

        def found() -> list[dict[str, object]]:
            return [each for each in gate.get("/sessions")["data"] if each["client"]["port"] == port]

        (shown,) = wait_for(found, "the session is there")
        assert (shown["protocol"], shown["state"]) == ("UDP", "proxying")
        assert shown["tcp"] == {"client": None, "upstream": None}
        assert gate.ask("DELETE", f"/sessions/{shown['id']}").status == 204
        assert found() == []


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("route=r", True), ("route=x", False), ("service=s&route=r", True), ("sni=b.test", False),
        ("source=127.0.0.0/8", True), ("source=::1", False), ("size=1", True),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("session")
def test_filters(gate: Administered, query: str, there: bool) -> None:
    found = gate.get(f"/sessions?{query}")
    assert (found["total"] > 0, bool(found["data"])) == (there, there)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("source=here", "invalid option (source: invalid ip or cidr range: 'here')"),
        ("size=0", "size must be an integer between 1 and 1000"),
        ("size=x", "size must be a number"),
    ],
)
def test_filters_that_cannot_be(gate: Administered, query: str, message: str) -> None:
    reply = gate.ask("GET", f"/sessions?{query}")
    assert (reply.status, reply.body["message"]) == (400, message)


def test_a_session_is_ended(gate: Administered, session: socket.socket) -> None:
    path = f"/sessions/{own(gate, session)['id']}"
    assert gate.ask("DELETE", path).status == 204
    assert session.recv(1) == b""
    assert [gate.ask(method, path).status for method in ("DELETE", "GET")] == [404, 404]
    gate.logged("the session is ended by the Admin API")


@pytest.mark.parametrize("identity", ["x", "1-1", "1", "-", f"{2**63}-1"])
def test_no_such_session(gate: Administered, identity: str) -> None:
    assert gate.ask("DELETE", f"/sessions/{identity}").status == 404


def test_methods(gate: Administered) -> None:
    assert gate.ask("POST", "/sessions", {}).status == 405
    assert gate.ask("OPTIONS", "/sessions/1-1").headers["Allow"] == "DELETE, GET, HEAD, OPTIONS"


def test_the_oldest_come_first_and_silent_workers_are_named() -> None:
    young, old = {"id": "1-1", "age": 1}, {"id": "2-1", "age": 9}
    answers = Answers({1: {"total": 4, "sessions": [young]}, 2: {"total": 1, "sessions": [old]}}, [3])
    found = listed(answers, 1)
    assert found == {"data": [old], "next": None, "total": 5, "silent_workers": [3]}
    assert json.loads(json.dumps(found)) == found


def test_a_session_of_the_generation_before_is_listed(gate: Administered, session: socket.socket) -> None:
    gate.reload()
    before = own(gate, session)
    assert gate.ask("DELETE", f"/sessions/{before['id']}").status == 204
    assert session.recv(1) == b""
