"""`prometheus`: Kong's metrics of streams at `/metrics`, beside our own. Kong's plugin of that name.

What is counted is counted in memory that all workers share, so that a scrape shows the node and no worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...shared.plugin import Plugin, Session, setting

DURATIONS: Final = (25.0, 50.0, 80.0, 100.0, 250.0, 400.0, 700.0, 1000.0, 2000.0, 5000.0, 10000.0, 30000.0, 60000.0)
LATENCIES: Final = (
    *(1.0, 2.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 75.0, 100.0, 200.0, 500.0, 750.0, 1000.0, 3000.0, 6000.0),
)
"""Kong's buckets, in milliseconds."""
WORKSPACE: Final = {"workspace": "default"}
REACHED: Final = "prometheus.reached"


class Prometheus(Plugin):
    """Counts sessions of routes and services under Kong's names."""

    version = "1.0.0"
    priority = 13

    @dataclass(frozen=True, slots=True)
    class Config:
        """What is counted; nothing of these by default, as in Kong."""

        status_code_metrics: bool = setting(False, doc="kong_stream_sessions_total.")
        latency_metrics: bool = setting(False, doc="kong_session_duration_ms and kong_kong_latency_ms.")
        bandwidth_metrics: bool = setting(False, doc="kong_bandwidth_bytes.")
        upstream_health_metrics: bool = setting(False, doc="kong_upstream_target_health.")
        per_consumer: bool = setting(False, one_of=(False,), doc="A stream has no consumers.")

    config: Config

    def init_worker(self) -> None:
        """Have the metrics shown that are always there."""
        self.worker.tally("kong_nginx_metric_errors_total", {}, 0)
        if self.config.upstream_health_metrics:
            self.worker.tally("kong_upstream_target_health", {}, 0)

    def connected(self, session: Session) -> None:
        """The service was reached: how the session ends is not the gateway's doing alone."""
        session.ctx[REACHED] = True

    def log(self, session: Session) -> None:
        """Count the session, unless it came to no route."""
        route, service = session.route, session.service
        if not route and not service:
            return
        labels = {"route": route, "service": service, **WORKSPACE}
        config, worker = self.config, self.worker
        if config.status_code_metrics:
            source = "service" if REACHED in session.ctx else "kong"
            worker.tally("kong_stream_sessions_total", {**labels, "code": str(session.status), "source": source})
        if config.bandwidth_metrics:
            worker.tally("kong_bandwidth_bytes", {**labels, "direction": "ingress"}, session.received)
            worker.tally("kong_bandwidth_bytes", {**labels, "direction": "egress"}, session.sent)
        if config.latency_metrics:
            latencies = session.record()["latencies"]
            worker.observe("kong_session_duration_ms", labels, latencies["session"], DURATIONS)
            worker.observe("kong_kong_latency_ms", labels, latencies["kong"], LATENCIES)
