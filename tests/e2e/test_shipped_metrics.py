"""The plugin prometheus in a started Penstock: Kong's metrics, of all workers together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from certs import Authority
from deadline import wait_for
from gate import Gate
from peers import Peer
from three_ways import WAYS, routes, visited

KONG: Final = """
worker_processes 3;
stream {
    plugin prometheus { status_code_metrics on; latency_metrics on; bandwidth_metrics on; upstream_health_metrics on; }
    upstream pool { server %%ECHO%%; server 127.0.0.1:1; health_check interval=100ms fall=1; }
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    service echo { url tcp://%%ECHO%%; }
    service tls_echo { url tcp://%%TLS_ECHO%%; }
"""


@pytest.fixture(scope="module")
def counting(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, echo: Peer, tls_echo: Peer
) -> Iterator[Gate]:
    pair = authority.issue("*.ended.test")
    text = KONG + routes("yes", "") + routes("no", "plugin acl { deny { sni *; tls_version none; } }") + "}"
    values: dict[str, object] = {"CRT": pair.crt, "KEY": pair.key, "ECHO": echo, "TLS_ECHO": tls_echo}
    with Gate(tmp_path_factory.mktemp("kong"), text, **values) as running:
        yield running


SESSIONS: Final = "kong_stream_sessions_total"


@pytest.mark.parametrize("way", WAYS)
def test_kongs_metrics_add_up_over_workers(counting: Gate, way: str) -> None:
    labels = {"route": f"yes_{way}", "workspace": "default"}
    before = counting.metric(SESSIONS, **labels)
    for _ in range(9):
        assert visited(counting, "yes", way) == b"hello"
    reached = {**labels, "code": "200", "source": "service", "service": "tls_echo" if way == "passed" else "echo"}
    wait_for(lambda: counting.metric(SESSIONS, **reached) == before + 9, "nine sessions")
    scrape = counting.metrics()
    count = scrape.value(SESSIONS, **labels)
    for name in ("kong_session_duration_ms", "kong_kong_latency_ms"):
        assert scrape.value(f"{name}_count", **labels) == count
        assert scrape.value(f"{name}_bucket", le="+Inf", **labels) == count
    sizes = [scrape.value("kong_bandwidth_bytes", direction=each, **labels) for each in ("ingress", "egress")]
    assert sizes == [5 * count, 5 * count] if way != "passed" else min(sizes) > 5 * count


@pytest.mark.parametrize("way", WAYS)
def test_a_session_that_the_gateway_ended_is_kongs(counting: Gate, way: str) -> None:
    labels = {"route": f"no_{way}", "code": "403", "source": "kong"}
    before = counting.metric(SESSIONS, **labels)
    assert visited(counting, "no", way) == b""
    wait_for(lambda: counting.metric(SESSIONS, **labels) == before + 1, "one session")


def test_kongs_metrics_outlive_a_reload(counting: Gate) -> None:
    labels = {"route": "yes_plain", "code": "200"}
    assert visited(counting, "yes", "plain") == b"hello"
    wait_for(lambda: counting.metric(SESSIONS, **labels) > 0, "a session")
    before = counting.metric(SESSIONS, **labels)
    counting.reload()
    assert visited(counting, "yes", "plain") == b"hello"
    wait_for(lambda: counting.metric(SESSIONS, **labels) == before + 1, "another one")


def test_kong_knows_the_node_and_its_targets(counting: Gate) -> None:
    scrape = counting.metrics()
    assert scrape.value("kong_node_info") == 1
    assert scrape.value("kong_nginx_connections_total", state="active", subsystem="stream") == 0
    assert scrape.value("kong_nginx_metric_errors_total") == 0
    labels = {"upstream": "pool", "subsystem": "stream", "target": "127.0.0.1:1"}
    counting.wait_metric("kong_upstream_target_health", 1, state="unhealthy", **labels)
    assert counting.metric("kong_upstream_target_health", state="healthy", **labels) == 0
