"""`/explain`: decided with the tables that serve, file and records together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from administered import Administered

CONFIG = """
admin_listen 127.0.0.1:%%PORT_admin%%;
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    service written { url tcp://127.0.0.1:9; }
    route written { protocols tls; snis written.test; service written; }
}
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    with Administered(tmp_path_factory.mktemp("gate"), CONFIG) as running:
        running.post("/services", {"name": "s", "url": "tcp://127.0.0.1:9"})
        running.post("/services/s/routes", {"name": "stored", "protocols": "tls", "snis": "stored.test"})
        running.post("/services/s/plugins", {"name": "ip-restriction", "config.deny": "10.0.0.1"})
        yield running


def explained(gate: Administered, **words: Any) -> Any:
    reply = gate.ask("POST", "/explain", value=words)
    assert reply.status == 200, reply
    return reply.body


def test_records_and_the_file_are_one_router(gate: Administered) -> None:
    stored, written = explained(gate, sni="stored.test"), explained(gate, sni="WRITTEN.test")
    assert (stored["route"]["name"], stored["outcome"], stored["service"]["name"]) == ("stored", "proxied", "s")
    assert (written["route"]["name"], "plugins" in written) == ("written", False)
    assert str(gate.file) in written["route"]["where"]
    assert [(each["name"], each["scope"], each["priority"]) for each in stored["plugins"]] == [
        ("ip-restriction", "service", 990)
    ]


def test_what_no_route_takes_is_explained_too(gate: Administered) -> None:
    found = explained(gate, sni="other.test", alpn=["h2"])
    assert (found["outcome"], found["refusal"]) == ("refused", "no_route")
    assert "nearest route" in found["reason"]
    assert explained(gate, plain=True)["refusal"] == "plain_refused"
    assert explained(gate, to=":1")["listener"] is None


def test_a_form_asks_as_well(gate: Administered) -> None:
    reply = gate.ask("POST", "/explain", {"sni": "stored.test", "plain": "false", "alpn": "h2", "from": ""})
    assert reply.body["connection"]["alpn"] == ["h2"]


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ({"sni": 3}, {"sni": "expected a string"}),
        ({"sni": "x" * 2000}, {"sni": "length must be at most 1024"}),
        ({"alpn": [3]}, {"alpn": "expected an array of strings"}),
        ({"alpn": ["x"] * 100}, {"alpn": "too long"}),
        ({"plain": "maybe"}, {"plain": "expected a boolean"}),
        ({"name": "x"}, {"name": "unknown field"}),
        ({"from": "here"}, {"from": '"here" has no IP address, expected IP:PORT'}),
        ({"to": "127.0.0.1"}, {"to": '"127.0.0.1" has no port, expected IP:PORT or :PORT'}),
    ],
)
def test_what_cannot_be_asked(gate: Administered, words: dict[str, Any], fields: dict[str, str]) -> None:
    reply = gate.ask("POST", "/explain", value=words)
    assert (reply.status, reply.body["fields"]) == (400, fields)


def test_it_is_asked_by_post_alone(gate: Administered) -> None:
    assert gate.ask("GET", "/explain").status == 405
