"""`/generations`, `/reload`, `/cluster`, `/metrics` of a Penstock that serves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from administered import Administered
from clients import connect, echoed
from peers import Peer, echo

CONFIG = """
worker_processes 2;
admin_listen 127.0.0.1:%%PORT_admin%%;
database sqlite %%DIR%%/entities.db;
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    service s { url tcp://%%PEER%%; }
    route r { protocols tcp; destinations :%%PORT_one%%; service s; }
}
"""


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Administered]:
    with Peer(echo) as peer, Administered(tmp_path, CONFIG, PEER=peer) as running:
        yield running


def test_a_reload_answers_when_it_is_in_force_and_generations_say_so(gate: Administered) -> None:
    with connect(gate.port("one")) as client:
        assert echoed(client, b"x") == b"x"
        reply = gate.ask("POST", "/reload")
        assert (reply.status, reply.body) == (200, {"message": "reloaded", "generation": 2})
        new, old = gate.get("/generations")["data"]
        assert (new["generation"], new["state"], old["generation"], old["state"]) == (2, "in force", 1, "leaving")
        assert [worker["state"] for worker in new["workers"]] == ["serving", "serving"]
        assert set(gate.workers()) >= {worker["pid"] for worker in new["workers"]}
    assert gate.ask("GET", "/reload").status == 405


def test_a_refused_reload_says_why(gate: Administered) -> None:
    gate.trouble = re.compile("Traceback")
    text = gate.file.read_text()
    gate.file.write_text(text + "nonsense on;\n")
    reply = gate.ask("POST", "/reload")
    assert reply.status == 409
    assert reply.body["message"] == "the configuration was refused, generation 1 stays in force"
    assert f'unknown directive "nonsense" in {gate.file}:' in reply.body["reason"]
    gate.file.write_text(text)
    assert gate.ask("POST", "/reload").status == 200


def test_a_node_without_others_is_a_cluster_of_one(gate: Administered) -> None:
    gate.post("/services", {"name": "a", "host": "a.test"})
    found = gate.get("/cluster")
    (node,) = found["data"]
    assert (found["database"], found["version"], node["version"], node["behind"]) == ("sqlite", 1, 1, 0)
    assert (node["id"], node["this"], node["state"]) == (gate.get("/")["node_id"], True, "serving")


def test_metrics_are_those_of_the_metrics_listener(gate: Administered) -> None:
    reply = gate.ask("GET", "/metrics", headers={"Accept": "text/plain"})
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert "penstock_workers 2.0" in reply.content.decode()
    assert gate.ask("GET", "/metrics", headers={"Accept": "text/plain; version=x"}).status == 200
