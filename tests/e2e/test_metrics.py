"""Metrics of a running Penstock, seen through Prometheus' own tools."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from clients import connect, echoed, read_exactly
from deadline import wait_for
from gate import Gate
from needs import program, requires
from peers import Peer
from prometheus import Prometheus

ROOT: Final = Path(__file__).parents[2]

CONFIG: Final = """
worker_processes 2;
stream {
    upstream pair { server %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_echo%%; proxy_pass pair; }
    server { listen 127.0.0.1:%%PORT_refused%%; proxy_pass 127.0.0.1:%%PORT_nobody%%; }
    server { listen 127.0.0.1:%%PORT_denied%%; deny all; proxy_pass pair; }
}
"""


@pytest.fixture
def gate(tmp_path: Path, echo: Peer) -> Iterator[Gate]:
    with Gate(tmp_path, CONFIG, ECHO=echo.address) as gate:
        yield gate


def label(gate: Gate, port: str) -> str:
    return f"127.0.0.1:{gate.port(port)}"


SILENT_BUT_FOR_TRACES: Final = re.compile("Traceback")
"""What must not be logged where a test makes an alert or a refusal happen."""


def one_session(gate: Gate) -> None:
    with connect(gate.port("echo")) as client:
        assert echoed(client, b"x") == b"x"


def test_bytes_of_an_open_session_are_counted(gate: Gate) -> None:
    with connect(gate.port("echo")) as client:
        client.sendall(b"x" * 5000)
        assert len(read_exactly(client, 5000)) == 5000
        where = {"listener": label(gate, "echo"), "route": ""}
        gate.wait_metric("penstock_bytes_total", 5000, direction="in", **where)
        gate.wait_metric("penstock_bytes_total", 5000, direction="out", **where)
        assert gate.metric("penstock_sessions_active", listener=label(gate, "echo")) == 1
        assert gate.metric("penstock_sessions_total", listener=label(gate, "echo")) == 0
    gate.wait_metric("penstock_sessions_total", 1, listener=label(gate, "echo"), service="pair", status="200")
    gate.wait_metric("penstock_sessions_active", 0, listener=label(gate, "echo"))
    assert gate.metric("penstock_session_duration_seconds_count") == 1
    assert gate.metric("penstock_upstream_connect_seconds_count") == 1
    assert gate.metric("penstock_upstream_connects_total", upstream="pair", outcome="ok") == 1


def test_a_peer_that_refuses_is_counted_by_its_name(gate: Gate) -> None:
    with connect(gate.port("refused")) as client:
        assert client.recv(1) == b""
    peer = f"127.0.0.1:{gate.port('nobody')}"
    gate.wait_metric("penstock_upstream_connects_total", 1, upstream=peer, peer=peer, outcome="refused")
    gate.wait_metric("penstock_sessions_total", 1, listener=label(gate, "refused"), service=peer, status="502")
    gate.wait_metric("penstock_refused_total", 1, listener=label(gate, "refused"))


def test_a_denied_client_is_counted_as_such(gate: Gate) -> None:
    with connect(gate.port("denied")) as client:
        assert client.recv(1) == b""
    gate.wait_metric("penstock_sessions_total", 1, listener=label(gate, "denied"), status="403")
    gate.wait_metric("penstock_refused_total", 1, listener=label(gate, "denied"), reason="denied")


def test_counters_survive_reloads_and_the_death_of_workers(gate: Gate) -> None:
    gate.trouble = SILENT_BUT_FOR_TRACES
    for _ in range(20):
        one_session(gate)
    gate.wait_metric("penstock_sessions_total", 20, listener=label(gate, "echo"))
    before = gate.metrics().counters()
    gate.reload()
    for worker in gate.workers():
        os.kill(worker, signal.SIGKILL)
    gate.wait_metric("penstock_worker_deaths_total", 2)
    gate.wait_metric("penstock_workers", 2)
    after = gate.metrics().counters()
    gone_back = {key: (value, after.get(key)) for key, value in before.items() if after.get(key, -1) < value}
    assert not {key for key in gone_back if not key[0].startswith("process_")}
    assert gate.metric("penstock_sessions_total", listener=label(gate, "echo")) == 20


def test_a_refused_reload_shows(gate: Gate) -> None:
    gate.trouble = SILENT_BUT_FOR_TRACES
    assert gate.metric("penstock_config_last_reload_success") == 1
    applied = gate.metric("penstock_config_last_reload_timestamp_seconds")
    gate.write("nonsense;")
    gate.signal(signal.SIGHUP)
    gate.wait_metric("penstock_config_last_reload_success", 0)
    assert gate.metric("penstock_config_generation") == 1
    assert gate.metric("penstock_config_last_reload_timestamp_seconds") == applied


@requires("promtool")
def test_promtool_has_nothing_to_say(gate: Gate) -> None:
    one_session(gate)
    text = gate.metrics().text
    lint = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")


@pytest.fixture
def prometheus(tmp_path_factory: pytest.TempPathFactory, gate: Gate) -> Iterator[Prometheus]:
    with Prometheus(tmp_path_factory.mktemp("prometheus"), gate.port("metrics")) as prometheus:
        yield prometheus


def documented_queries() -> list[str]:
    """The queries of the documentation's table."""
    text = (ROOT / "docs/metrics.md").read_text()
    return re.findall(r"^\| [^|]+ \| `(.+)` \|$", text.split("## Questions and their queries")[1], re.M)


@requires("prometheus")
def test_prometheus_scrapes_and_answers_what_the_documents_ask(gate: Gate, prometheus: Prometheus) -> None:
    wait_for(lambda: prometheus.value("up") == 1, "Prometheus has scraped", 30)
    for _ in range(7):
        one_session(gate)
    query = f'penstock_sessions_total{{listener="{label(gate, "echo")}",service="pair",status="200"}}'
    wait_for(lambda: prometheus.value(query) == 7, "Prometheus has the sessions", 30)
    queries = documented_queries()
    assert len(queries) > 4
    for one in queries:
        assert prometheus.api("query", query=one) is not None, one
    (target,) = prometheus.api("targets")["activeTargets"]
    assert target["lastError"] == ""
