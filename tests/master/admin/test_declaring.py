"""`/config`, with and without a database, and `declarative_config`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from administered import Administered
from deadline import wait_for
from declarations import DOCUMENT

from penstock.master.admin.declaring import asked_for

CONFIG = """
admin_listen 127.0.0.1:%%PORT_admin%%;
%%DATABASE%%
stream { stream_listen 127.0.0.1:%%PORT_one%%; service written { url tcp://127.0.0.1:9; } }
"""
YAML = {"Content-Type": "application/yaml"}


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Administered]:
    with Administered(tmp_path, CONFIG, DATABASE="database off;") as running:
        yield running


def snis(gate: Administered) -> list[Any]:
    return [route["snis"] for route in gate.get("/routes")["data"]]


def test_a_document_replaces_everything(gate: Administered) -> None:
    assert gate.get("/status")["configuration_hash"] == "0" * 32
    assert gate.get("/config") == {"config": "_format_version: '3.0'\n_transform: false\n"}
    made = gate.post("/config", {"config": DOCUMENT})
    assert [record["name"] for record in made["routes"].values()] == ["r"]
    assert list(made) == ["services", "routes", "plugins"]
    answer = gate.ask("POST", "/explain", {"sni": "r.test"}).body
    assert (answer["route"]["name"], answer["plugins"][0]["name"]) == ("r", "ip-restriction")
    known = gate.get("/status")["configuration_hash"]
    assert gate.ask("POST", "/config?check_hash=1", {"config": DOCUMENT}).status == 304
    assert gate.ask("POST", "/config", raw=DOCUMENT.replace("r.test", "q.test").encode(), headers=YAML).status == 201
    assert snis(gate) == [["q.test"]]
    assert gate.get("/status")["configuration_hash"] != known
    gate.post("/config", value={"_format_version": "3.0"})
    assert snis(gate) == []
    assert [record["name"] for record in gate.get("/services")["data"]] == ["written"]


def test_what_is_exported_can_be_declared(gate: Administered) -> None:
    gate.post("/config", {"config": DOCUMENT})
    before = gate.get("/routes"), gate.get("/services"), gate.get("/plugins")
    gate.post("/config", value=gate.get("/config"))
    assert (gate.get("/routes"), gate.get("/services"), gate.get("/plugins")) == before


def test_a_document_with_mistakes_changes_nothing(gate: Administered) -> None:
    gate.post("/config", {"config": DOCUMENT})
    wrong = DOCUMENT.replace("name: s\n", "name: written\n").replace("deny:", "denny:")
    reply = gate.ask("POST", "/config", {"config": wrong})
    assert (reply.status, reply.body["code"]) == (400, 14)
    assert "flattened_errors" not in reply.body
    assert reply.body["message"].startswith("declarative config is invalid: {services={")
    flat = gate.ask("POST", "/config?flatten_errors=1", {"config": wrong}).body["flattened_errors"]
    assert [each["entity_type"] for each in flat] == ["service"]
    assert snis(gate) == [["r.test"]]


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"raw": b""}, "expected a declarative configuration"),
        ({"value": {}}, "expected a declarative configuration"),
        ({"form": {"other": "x"}}, "declarative config is invalid: "),
        ({"value": [1]}, "declarative config is invalid: "),
        ({"raw": b"a: [", "headers": YAML}, "declarative config is invalid: "),
        ({"form": {"config": "a: [&a {b: *a}]"}}, "declarative config is invalid: "),
        ({"value": {"config": 3}}, "declarative config is invalid: "),
    ],
)
def test_what_is_no_document(gate: Administered, sent: dict[str, Any], message: str) -> None:
    reply = gate.ask("POST", "/config", **sent)
    assert (reply.status, reply.body["message"].startswith(message)) == (400, True), reply


@pytest.mark.parametrize(
    ("method", "path", "text"),
    [
        ("POST", "/services", "cannot create 'services' entities when not using a database"),
        ("PUT", "/routes/x", "cannot create or update 'routes' entities when not using a database"),
        ("PATCH", "/routes/x", "cannot update 'routes' entities when not using a database"),
        ("DELETE", "/routes/x", "cannot delete 'routes' entities when not using a database"),
    ],
)
def test_entities_are_for_reading(gate: Administered, method: str, path: str, text: str) -> None:
    reply = gate.ask(method, path, {"name": "x"})
    assert (reply.status, reply.body["code"], reply.body["message"]) == (405, 12, text)


def test_with_a_database_there_is_no_document(tmp_path: Path) -> None:
    with Administered(tmp_path, CONFIG, DATABASE="") as gate:
        for method in ("GET", "POST"):
            reply = gate.ask(method, "/config", {"config": DOCUMENT})
            assert reply.status == 400
            text = "this endpoint is only available when Kong is configured to not use a database"
            assert reply.body == {"message": text}
        assert gate.ask("PUT", "/config").status == 405


def test_a_file_is_declared_at_start_and_at_reloads(tmp_path: Path) -> None:
    file = tmp_path / "kong.yml"
    file.write_text(DOCUMENT)
    with Administered(tmp_path, CONFIG, DATABASE=f"declarative_config {file};") as gate:
        gate.trouble = re.compile("Traceback")
        assert snis(gate) == [["r.test"]]
        file.write_text(DOCUMENT.replace("r.test", "q.test"))
        assert gate.ask("POST", "/reload").status == 200
        wait_for(lambda: snis(gate) == [["q.test"]], "the file's new content is in force")
        file.write_text(DOCUMENT.replace("r.test", "-.test").replace("deny:", "denny:"))
        reply = gate.ask("POST", "/reload")
        assert (reply.status, snis(gate)) == (409, [["q.test"]])
        assert "in 'services[1].routes[1].snis[1]'" in reply.body["reason"]
        assert "in 'services[1].plugins[1].config.denny': unknown field" in reply.body["reason"]


def test_switches_of_the_query() -> None:
    assert [text for text in ("1", "true", "0", "false", "") if asked_for({"x": text}, "x")] == ["1", "true"]
    assert not asked_for({}, "x")
