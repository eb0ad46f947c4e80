"""Clients that others wrote for Kong: python-kongclient and kongctl."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from administered import Administered
from certs import Authority
from clients import careless, connect_tls, echoed
from daemon import environment
from deadline import seconds
from peers import Peer


@pytest.fixture
def kong(gate: Administered) -> Any:
    """python-kongclient."""
    client = pytest.importorskip("kongclient").KongClient(f"http://127.0.0.1:{gate.port('admin')}")
    yield client
    client.client.close()


def test_kongclient_makes_what_serves(gate: Administered, kong: Any, echo: Peer) -> None:
    service = kong.services.create(name="kc", url=f"tcp://{echo}")
    assert service["protocol"] == "tcp"
    route = kong.routes.create(
        name="kc-route", service_id=service["id"], protocols=["tls"], hosts=None, methods=None, paths=None,
        snis=["kc.test"], strip_path=True, preserve_host=False,
    )  # fmt: skip
    assert route["service"] == {"id": service["id"]}
    with connect_tls(gate.port("one"), careless(), "kc.test") as client:
        assert echoed(client, b"x") == b"x"
    assert [each["name"] for each in kong.services.list_routes("kc")] == ["kc-route"]
    assert kong.services.update("kc", retries=1)["retries"] == 1
    assert kong.routes.get_service("kc-route")["id"] == service["id"]
    assert kong.services.list(tags="kc")[0]["name"] == "kc"
    kong.routes.delete("kc-route")
    kong.services.delete("kc")
    with pytest.raises(Exception, match=r"Not found.*\(Http 404\)"):
        kong.services.get("kc")


def test_kongclient_on_upstreams_and_certificates(kong: Any, authority: Authority) -> None:
    upstream = kong.upstreams.create(name="kc-up", healthchecks={})
    target = kong.upstreams.add_target("kc-up", target="10.0.0.1:1")
    assert (target["weight"], target["upstream"]) == (100, {"id": upstream["id"]})
    assert [each["target"] for each in kong.upstreams.list_targets("kc-up")] == ["10.0.0.1:1"]
    pair = authority.issue("kc-cert.test")
    made = kong.certificates.create(pair.crt.read_text(), pair.key.read_text(), snis=["kc-cert.test"])
    assert made["snis"] == ["kc-cert.test"]
    assert kong.certificates.list_snis(made["id"])[0]["name"] == "kc-cert.test"
    assert kong.snis.get("kc-cert.test")["certificate"] == {"id": made["id"]}
    kong.certificates.delete(made["id"])
    kong.upstreams.delete("kc-up")
    assert kong.consumers.list() == []
    assert kong.info.get_node_info()["configuration"]["database"] in ("sqlite", "postgres")
    assert kong.info.get_node_status()["database"]["reachable"]


def kongctl(gate: Administered, *words: str, data: Any = None) -> str:
    """What it prints."""
    place = gate.directory / "kongctl.json"
    place.write_text(json.dumps({"client": {"server": f"127.0.0.1:{gate.port('admin')}"}}))
    result = subprocess.run(
        (sys.executable, "-m", "kongctl", "-c", str(place), *words),
        env=environment(),
        input=json.dumps(data),
        capture_output=True,
        text=True,
        timeout=seconds(30),
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_kongctl_lists_makes_and_deletes(gate: Administered) -> None:
    pytest.importorskip("kongctl")
    kongctl(gate, "create", "service", data={"name": "ctl", "url": "tcp://127.0.0.1:9"})
    assert "ctl" in kongctl(gate, "list", "services")
    route = {"name": "ctl-route", "protocols": ["tls"], "snis": ["ctl.test"]}
    kongctl(gate, "create", "route", "-s", "ctl", data=route)
    assert gate.get("/routes/ctl-route")["snis"] == ["ctl.test"]
    assert gate.get("/routes/ctl-route")["id"] in kongctl(gate, "list", "routes")
    kongctl(gate, "delete", "service", "-r", "ctl")
    assert gate.ask("GET", "/services/ctl").status == 404


def test_kongctl_ensures_a_file_and_takes_a_snapshot(gate: Administered, tmp_path: Path) -> None:
    pytest.importorskip("kongctl")
    file = tmp_path / "services.yml"
    route = "{name: ensured-route, protocols: [tls], snis: [ensured.test]}"
    file.write_text(f"services:\n- name: ensured\n  url: tcp://127.0.0.1:9\n  plugins: []\n  routes:\n  - {route}\n")
    for _ in range(2):
        kongctl(gate, "ensure", str(file))
    assert [each["name"] for each in gate.get("/services/ensured/routes")["data"]] == ["ensured-route"]
    assert "ensured.test" in kongctl(gate, "-y", "snapshot", str(file))
