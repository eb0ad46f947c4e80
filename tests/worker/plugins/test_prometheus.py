"""`prometheus`: what is counted under which of Kong's names."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.plugin_testing import StandIn, StandInWorker, configured
from penstock.worker.plugins.prometheus import Prometheus

LABELS = {"route": "r", "service": "s", "workspace": "default"}


class Recorded(StandIn):
    def record(self, event: str = "end") -> dict[str, Any]:  # noqa: ARG002 - always the same
        return {"latencies": {"session": 120, "kong": 3}}


def counted(
    session: StandIn, reached: bool = True, **config: Any
) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    worker = StandInWorker()
    plugin = configured(Prometheus, worker, **config)
    plugin.init_worker()
    if reached:
        plugin.connected(session)
    plugin.log(session)
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for series, value in worker.metrics.items():
        found.setdefault(series.name, {})[series.labels] = value
    return found


def labels(**more: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({**LABELS, **more}.items()))


def session(**given: Any) -> StandIn:
    return Recorded(**{"route": "r", "service": "s", "status": 200, "received": 5, "sent": 7, **given})


def test_nothing_is_counted_unless_asked_for() -> None:
    assert counted(session()) == {"kong_nginx_metric_errors_total": {(): 0}}


@pytest.mark.parametrize(("reached", "source"), [(True, "service"), (False, "kong")])
def test_sessions_by_status_and_source(reached: bool, source: str) -> None:
    found = counted(session(status=502), reached, status_code_metrics=True)
    assert found["kong_stream_sessions_total"] == {labels(code="502", source=source): 1}


def test_bytes_by_direction() -> None:
    found = counted(session(), bandwidth_metrics=True)["kong_bandwidth_bytes"]
    assert found == {labels(direction="ingress"): 5, labels(direction="egress"): 7}


def test_times() -> None:
    found = counted(session(), latency_metrics=True)
    assert found["kong_session_duration_ms"] == {labels(): 120}
    assert found["kong_kong_latency_ms"] == {labels(): 3}


def test_a_session_without_a_route_is_not_counted_and_one_of_a_server_is() -> None:
    assert "kong_stream_sessions_total" not in counted(session(route="", service=""), status_code_metrics=True)
    assert "kong_stream_sessions_total" in counted(session(route=""), status_code_metrics=True)


def test_the_health_of_targets_is_asked_for() -> None:
    assert "kong_upstream_target_health" in counted(session(), upstream_health_metrics=True)


def test_there_are_no_consumers() -> None:
    with pytest.raises(ValueError, match="per_consumer"):
        configured(Prometheus, per_consumer=True)
