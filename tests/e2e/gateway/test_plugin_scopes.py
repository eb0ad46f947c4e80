"""Which plugins a session meets, of which scope, in which order, and when one ends it; `penstock explain` of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest
from certs import Authority
from daemon import environment
from deadline import seconds, wait_for
from gate import Gate
from peers import Peer
from routed import LOG, visit

TRACER: Final = """
from dataclasses import dataclass
from penstock.plugin import Plugin, Session

class Tracer(Plugin):
    name = "{name}"
    priority = {priority}

    @dataclass(frozen=True)
    class Config:
        mark: str = "global"
        ends: bool = False

    {asynchronous}def preread(self, session: Session) -> None:
        trace = session.ctx.setdefault("trace", [])
        trace.append("{name}-" + self.config.mark)
        session.add_field("trace", list(trace))
        if self.config.ends:
            session.refuse("told to", word="denied")

    def log(self, session: Session) -> None:
        session.ctx.setdefault("logged", []).append("{name}-" + self.config.mark)
        session.add_field("logged", list(session.ctx["logged"]))
"""
PRIORITIES: Final = {"first": 900, "second": 500, "third": 500, "fourth": 100}
"""Those of one priority run by name."""
CONFIG: Final = (
    """
stream {
    plugin_path %%DIR%%/traced;
    stream_listen 127.0.0.1:%%PORT_one%%;
    stream_listen 127.0.0.1:%%PORT_two%%;
    server { listen 127.0.0.1:%%PORT_server%%; proxy_pass %%PEER_A%%; }
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }

    plugin file-log { path records.json; }
    plugin fourth { }
    plugin second { }
    plugin first { }

    service bare   { url tcp://%%PEER_A%%; }
    service dressed { url tcp://%%PEER_A%%; plugin second { mark service; } plugin third { mark service; } }

    route bare     { protocols tls; snis bare.test;     service bare; }
    route service  { protocols tls; snis service.test;  service dressed; }
    route route    { protocols tls; snis route.test;    service bare;    plugin fourth { mark route; } }
    route both     { protocols tls; snis both.test;     service dressed; plugin second { mark route; } }
    route all      { protocols tls; snis all.test;      service dressed;
                     plugin first { mark route; } plugin third { mark route; } plugin fourth { mark route; } }
    route lost     { protocols tls; snis lost.test;     plugin third { mark route; } }
    route ended    { protocols tls; snis ended.test;    service dressed; plugin second { mark route; ends on; } }
    route early    { protocols tls; snis early.test;    service dressed; plugin first { mark route; ends on; } }
    route raw      { protocols tls_passthrough; snis raw.test; service dressed; plugin first { mark route; ends on; } }
    route denied   { protocols tls; snis denied.test;   service dressed; plugin ip-restriction { deny 127.0.0.1; } }
    route plain    { protocols tcp; destinations :%%PORT_two%%; service dressed; plugin fourth { mark route; } }
"""
    + LOG
    + "}\n"
)
MET: Final = {
    "bare": "first-global second-global fourth-global",
    "service": "first-global second-service third-service fourth-global",
    "route": "first-global second-global fourth-route",
    "both": "first-global second-route third-service fourth-global",
    "all": "first-route second-service third-route fourth-route",
    "lost": "first-global second-global third-route fourth-global",
    "ended": "first-global second-route",
    "early": "first-route",
    "raw": "first-route",
    "denied": "",
    "plain": "first-global second-service third-service fourth-route",
}
"""By route, the plugins that its sessions met, up to the one that ended them."""
REFUSALS: Final = {"lost": "no_service", "ended": "denied", "early": "denied", "raw": "denied", "denied": "denied"}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, authority: Authority, peer_a: Peer) -> Iterator[Gate]:
    folder = tmp_path_factory.mktemp("scopes")
    (folder / "traced").mkdir()
    for number, (name, priority) in enumerate(PRIORITIES.items()):
        body = TRACER.format(name=name, priority=priority, asynchronous="async " if number % 2 else "")
        (folder / "traced" / f"{name}.py").write_text(body)
    pair = authority.issue("gate.test")
    with Gate(folder, CONFIG, PEER_A=peer_a, CRT=pair.crt, KEY=pair.key) as running:
        yield running


def record_of(gate: Gate, port: int) -> dict[str, Any]:
    """The session record of a client's port."""

    def found() -> dict[str, Any] | None:
        records = [json.loads(line) for line in gate.read("records.json").splitlines()]
        return next((record for record in records if record["client_port"] == port), None)

    record = wait_for(found, f"the record of port {port}")
    assert record is not None
    return record


def passes(gate: Gate, route: str, listener: str = "one") -> tuple[bytes, str, dict[str, Any]]:
    """What a session of a route gets, how it was refused, and its record."""
    with visit(gate, "two" if (route, listener) == ("plain", "one") else listener) as client:
        port = client.sock.getsockname()[1]
        if route == "raw":
            first = client.hello("raw.test")
        elif route == "plain":
            first = client.plain()
        else:
            first = client.tls(f"{route}.test")
        return first, client.told().refusal, record_of(gate, port)


@pytest.mark.parametrize("route", MET)
def test_the_nearest_of_each_name_in_order_of_priority(gate: Gate, route: str) -> None:
    first, refusal, record = passes(gate, route)
    assert " ".join(record.get("trace", [])) == MET[route]
    assert (first, refusal) == ((b"", REFUSALS[route]) if route in REFUSALS else (b"a", ""))


@pytest.mark.parametrize("route", ["bare", "all", "early", "denied"])
def test_every_plugin_of_the_session_logs_also_after_a_refusal(gate: Gate, route: str) -> None:
    _, _, record = passes(gate, route)
    expected = {"all": MET["all"], "bare": MET["bare"]}.get(route)
    expected = expected or "first-{} second-service third-service fourth-global".format(
        "route" if route == "early" else "global"
    )
    assert " ".join(record["logged"]) == expected


def test_a_server_s_sessions_have_the_global_ones(gate: Gate) -> None:
    first, refusal, record = passes(gate, "plain", "server")
    assert (first, refusal, " ".join(record["trace"])) == (b"a", "", MET["bare"])


def test_a_session_without_a_route_is_logged_by_the_global_ones(gate: Gate) -> None:
    first, refusal, record = passes(gate, "stranger")
    assert (first, refusal, record.get("trace")) == (b"", "no_route", None)
    assert record["refusal"] == "no_route"


@pytest.mark.parametrize("route", ["bare", "service", "both", "all", "denied", "plain"])
def test_explain_tells_the_same_order(gate: Gate, route: str) -> None:
    words = ["--plain", "--to", f"127.0.0.1:{gate.port('two')}"] if route == "plain" else ["--sni", f"{route}.test"]
    command = [sys.executable, "-m", "penstock", "-p", str(gate.directory), "-c", str(gate.file), "explain", "--json"]
    done = subprocess.run(
        [*command, *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds(60),
        check=True,
    )
    answer = json.loads(done.stdout)
    assert answer["route"]["name"] == route
    told = [f"{each['name']}-{each['scope']}" for each in answer["plugins"] if each["name"] in PRIORITIES]
    if route == "denied":
        assert answer["plugins"][0]["name"] == "ip-restriction"
    else:
        assert " ".join(told) == MET[route]
