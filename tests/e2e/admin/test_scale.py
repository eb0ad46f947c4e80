"""Many routes, and what happens then: one change more, reloads, deaths, restarts; and clients that are a burden."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from administered import Administered
from clients import careless, connect, connect_tls, ended_without_a_byte
from deadline import seconds, wait_for
from load import Load
from peers import Peer
from processes import resident

MANY: Final = 1100
CONNECTIONS: Final = 16
HEAD: Final = (
    b"POST /routes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)
OFTEN: Final = 10
"""Connections that meet both workers, all but surely."""
CONFIG: Final = """
worker_processes 2;
admin_listen 127.0.0.1:%%PORT_admin%%;
database %%DATABASE%%;
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    server { listen 127.0.0.1:%%PORT_echo%%; proxy_pass %%ECHO%%; }
}
"""


@pytest.fixture
def gate(tmp_path: Path, echo: Peer) -> Iterator[Administered]:
    with Administered(tmp_path, CONFIG, DATABASE=f"sqlite {tmp_path}/store.db", ECHO=echo) as running:
        yield running


@pytest.fixture
def loaded(gate: Administered, peer_a: Peer) -> Administered:
    """With a service and many routes, posted over many connections at a time."""
    gate.post("/services", {"name": "s", "url": f"tcp://{peer_a}"})
    assert set(asyncio.run(posted(gate.port("admin"), map(route, range(MANY))))) == {201}
    return gate


def route(number: int) -> dict[str, Any]:
    return {"name": f"r{number}", "protocols": ["tls"], "snis": [f"h{number}.test"], "service": {"name": "s"}}


async def posted(port: int, bodies: Iterable[dict[str, Any]]) -> list[int]:
    """The statuses of many POSTs, each connection kept for as long as there is something to send."""
    left, statuses = iter(bodies), list[int]()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for body in left:
            text = json.dumps(body).encode()
            writer.write(HEAD % len(text) + text)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            statuses.append(int(answer.split()[1]))
        writer.close()
        await writer.wait_closed()

    async with asyncio.timeout(seconds(60)):
        await asyncio.gather(*[client() for _ in range(CONNECTIONS)])
    return statuses


def met(gate: Administered, name: str) -> set[bytes]:
    """Whom sessions meet that ask for a name; nothing is a refusal."""
    found = set()
    for _ in range(OFTEN):
        try:
            with connect_tls(gate.port("one"), careless(), name) as client:
                found.add(client.recv(1))
        except (ssl.SSLError, OSError):
            found.add(b"")
    return found


def answers(gate: Administered) -> bool:
    try:
        return gate.ask("GET", "/services/s").status == 200
    except OSError:
        return False


def test_many_connections_load_routes_and_one_more_is_in_force_at_once(loaded: Administered) -> None:
    assert loaded.get("/status")["version"] == MANY + 1
    assert met(loaded, f"h{MANY - 1}.test") == met(loaded, "h0.test") == {b"a"}
    assert met(loaded, f"h{MANY}.test") == {b""}
    loaded.post("/routes", value=route(MANY))
    assert met(loaded, f"h{MANY}.test") == {b"a"}
    assert loaded.ask("PATCH", f"/routes/r{MANY}", value={"snis": ["moved.test"]}).status == 200
    assert (met(loaded, "moved.test"), met(loaded, f"h{MANY}.test")) == ({b"a"}, {b""})
    assert loaded.ask("DELETE", f"/routes/r{MANY}").status == 204
    assert met(loaded, "moved.test") == {b""}


def test_a_list_of_all_is_given_in_pages_that_have_each_once(loaded: Administered) -> None:
    names: list[str] = []
    path = "/routes?size=1000"
    while path:
        page = loaded.get(path)
        names += [each["name"] for each in page["data"]]
        path = page["next"] or ""
    assert sorted(names) == sorted(f"r{number}" for number in range(MANY))


def test_a_reload_a_death_and_a_restart_keep_all_of_them(loaded: Administered) -> None:
    loaded.trouble = re.compile("Traceback")  # the death is an [alert]
    os.kill(loaded.workers()[0], signal.SIGKILL)
    loaded.wait_metric("penstock_worker_deaths_total", 1)
    loaded.wait_metric("penstock_workers", 2)
    assert met(loaded, "h3.test") == {b"a"}
    loaded.reload()
    assert met(loaded, f"h{MANY - 1}.test") == {b"a"}
    loaded.stop()
    loaded.start()
    assert met(loaded, "h0.test") == met(loaded, f"h{MANY - 1}.test") == {b"a"}
    assert loaded.ask("DELETE", "/routes/r0").status == 204
    assert met(loaded, "h0.test") == {b""}


def test_what_changes_during_a_reload_is_in_force_before_and_after_it(loaded: Administered) -> None:
    before = loaded.generation()
    loaded.signal(signal.SIGHUP)
    for number in range(MANY, MANY + 20):
        loaded.post("/routes", value=route(number))
        assert met(loaded, f"h{number}.test") == {b"a"}
    wait_for(lambda: loaded.generation() > before, "the new generation")
    for number in range(MANY, MANY + 20, 5):
        assert met(loaded, f"h{number}.test") == {b"a"}


def test_a_document_takes_the_place_of_another_and_only_what_differs_changes(tmp_path: Path, peer_a: Peer) -> None:
    def document(*numbers: int) -> dict[str, Any]:
        routes = [{"name": f"r{number}", "protocols": ["tls"], "snis": [f"h{number}.test"]} for number in numbers]
        return {"_format_version": "3.0", "services": [{"name": "s", "url": f"tcp://{peer_a}", "routes": routes}]}

    with Administered(tmp_path, CONFIG, DATABASE="off", ECHO=peer_a) as gate:
        first = gate.post("/config", value=document(*range(MANY)))["routes"]
        assert len(first) == MANY
        assert met(gate, "h0.test") == met(gate, f"h{MANY - 1}.test") == {b"a"}
        with connect_tls(gate.port("one"), careless(), "h1.test") as open_session:
            second = gate.post("/config", value=document(*range(1, MANY + 1)))["routes"]
            assert len(first.keys() - second.keys()) == len(second.keys() - first.keys()) == 1
            assert (met(gate, "h0.test"), met(gate, f"h{MANY}.test")) == ({b""}, {b"a"})
            assert open_session.recv(1) == b"a"


def test_five_hundred_idle_connections_hold_nobody_up(gate: Administered) -> None:
    with ExitStack() as stack, Load(gate.port("echo"), threads=2) as load:
        idle = [stack.enter_context(connect(gate.port("admin"))) for _ in range(500)]
        assert gate.post("/services", {"name": "s", "url": "tcp://127.0.0.1:1"})["name"] == "s"
        idle[-1].sendall(b"GET /services/s HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle[-1].recv(4096).startswith(b"HTTP/1.1 200")
        too_many = [stack.enter_context(connect(gate.port("admin"))) for _ in range(30)]
        assert [ended_without_a_byte(client) for client in too_many[13:]] == [True] * 17
        wait_for(lambda: load.served > 20, "proxying goes on")
    assert load.failures == []
    wait_for(lambda: answers(gate), "there is room again")


def test_bodies_that_never_come_whole_hold_nobody_up(gate: Administered) -> None:
    with ExitStack() as stack, Load(gate.port("echo"), threads=2) as load:
        slow = [stack.enter_context(connect(gate.port("admin"))) for _ in range(50)]
        for client in slow:
            client.sendall(b"POST /services HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
            client.sendall(b"Content-Length: 8000000\r\n\r\n{")
        for number in range(20):
            slow[number].sendall(b'"name": ')
            gate.post("/services", {"name": f"s{number}", "url": "tcp://127.0.0.1:1"})
        wait_for(lambda: load.served > 20, "proxying goes on")
    assert load.failures == []
    assert len(gate.get("/services")["data"]) == 20


def test_readers_that_take_nothing_cost_a_bounded_amount_of_memory(loaded: Administered) -> None:
    ask = b"GET /routes?size=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    before = resident(loaded.pid)
    with ExitStack() as stack, Load(loaded.port("echo"), threads=2) as load:
        greedy = [stack.enter_context(connect(loaded.port("admin"))) for _ in range(30)]
        for client in greedy:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(ask * 20)  # 12 MB that nobody reads
        assert loaded.get("/routes/r7")["name"] == "r7"
        wait_for(lambda: load.served > 100, "proxying goes on")
        assert loaded.ask("DELETE", "/routes/r7").status == 204
    assert load.failures == []
    assert resident(loaded.pid) - before < 80 << 20
