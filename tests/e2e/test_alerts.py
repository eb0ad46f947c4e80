"""The shipped alerts: silent on a healthy Penstock, and loud when something is wrong."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from deadline import wait_for
from gate import Gate
from needs import program, requires
from prometheus import Prometheus

ALERTS: Final = Path(__file__).parents[2] / "conf/prometheus-alerts.yml"
CONFIG: Final = """
worker_processes 2;
stream { server { listen 127.0.0.1:%%PORT_hello%%; return "hello"; } }
"""


@pytest.fixture
def prometheus(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with (
        Gate(tmp_path, CONFIG) as gate,
        Prometheus(tmp_path_factory.mktemp("prometheus"), gate.port("metrics"), ALERTS) as prometheus,
    ):
        yield prometheus


@requires("prometheus")
def test_they_evaluate_on_real_metrics_and_none_fires(prometheus: Prometheus) -> None:
    wait_for(lambda: prometheus.value("penstock_workers") == 2, "Prometheus has scraped", 30)

    def evaluated() -> list[dict[str, Any]]:
        groups = (prometheus.api("rules") or {"groups": []})["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if rules and all(rule["health"] != "unknown" for rule in rules) else []

    rules = wait_for(evaluated, "every rule has been evaluated", 30)
    assert {rule["name"]: rule["health"] for rule in rules if rule["health"] != "ok"} == {}
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []


RULES_TEST: Final = """\
rule_files: [%s]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'up{job="penstock",instance="a"}', values: '1 1 0x10'}
      - {series: 'penstock_workers{instance="a"}', values: '2 2 0x10'}
      - {series: 'penstock_worker_deaths_total{instance="a"}', values: '0 0 1x10'}
      - {series: 'penstock_config_last_reload_success{instance="a"}', values: '1 0x20'}
      - {series: 'penstock_certificate_expiry_timestamp_seconds{subject="CN=x",source="/x"}', values: '86400x20'}
      - {series: 'penstock_sessions_total{instance="a",listener="l",status="200"}', values: '0+90x20'}
      - {series: 'penstock_sessions_total{instance="a",listener="l",status="502"}', values: '0+10x20'}
      - {series: 'penstock_upstream_connects_total{upstream="u",peer="p",outcome="refused"}', values: '0+60x20'}
      - {series: 'penstock_upstream_connects_total{upstream="u",peer="p",outcome="ok"}', values: '0+10x20'}
      - {series: 'penstock_tls_handshakes_total{instance="a",listener="l",outcome="failed"}', values: '0+60x20'}
      - {series: 'penstock_refused_total{instance="a",listener="l",reason="no_route"}', values: '0+600x20'}
      - {series: 'penstock_worker_events_total{instance="a",event="accept_failed"}', values: '0+1x20'}
      - {series: 'penstock_worker_events_total{instance="a",event="log_lost"}', values: '0+1x20'}
      - {series: 'penstock_upstream_peer_up{instance="a",upstream="u",peer="p"}', values: '1 0x20'}
      - {series: 'penstock_database_reachable{instance="a"}', values: '1 0x20'}
    promql_expr_test:
      - expr: count(ALERTS{alertstate="firing"}) by (alertname) * 0 + 1
        eval_time: 12m
        exp_samples:
%s
"""


@requires("promtool")
def test_every_alert_fires_on_what_it_is_for(tmp_path: Path) -> None:
    names = re.findall(r"alert: (\w+)", ALERTS.read_text())
    names = [name for name in names if name != "PenstockCertificateExpiresSoon"]  # waits for an hour
    assert len(names) > 10
    expected = "\n".join(f"          - {{labels: '{{alertname=\"{name}\"}}', value: 1}}" for name in names)
    rules = tmp_path / "rules_test.yml"
    rules.write_text(RULES_TEST % (ALERTS, expected))
    done = subprocess.run(
        [program("promtool"), "test", "rules", str(rules)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
