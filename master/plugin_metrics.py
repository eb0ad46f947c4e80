"""Metrics of plugins for `/metrics`: those that they made up, and what Kong's `prometheus` plugin shows beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from ..shared.series import SCALE, Series, read
from ..shared.version import __version__

PREFIX: Final = "kong_"
ERRORS: Final = "kong_nginx_metric_errors_total"
"""It is there where the plugin is."""
HEALTH: Final = "kong_upstream_target_health"
"""The plugin makes a series of this name, without labels, where it is asked for."""
SUBSYSTEM: Final = "stream"
TEXTS: Final[Mapping[str, str]] = {
    "kong_stream_sessions_total": "Sessions of a route or service that ended.",
    "kong_session_duration_ms": "How long they lasted.",
    "kong_kong_latency_ms": "What passed before the first try to reach the service.",
    "kong_bandwidth_bytes": "Bytes received from clients (ingress) and sent to them (egress).",
}
OTHERS: Final = "Counted by a plugin."


@dataclass(frozen=True, slots=True)
class Traffic:
    """What workers count in any case."""

    ended: int
    active: int


def families(
    found: Iterable[tuple[bytes, list[int]]],
    refused: int,
    node: str,
    traffic: Traffic,
    peers: Mapping[tuple[str, str], bool],
) -> Iterator[Metric]:
    """All families, by name; `refused` is how often there was no room for a series."""
    by_name: dict[str, list[tuple[Series, list[int]]]] = {}
    for text, cells in found:
        series = read(text)
        by_name.setdefault(series.name, []).append((series, cells))
    kong = by_name.pop(ERRORS, None) is not None
    health = by_name.pop(HEALTH, None) is not None
    for name, every in sorted(by_name.items()):
        yield family(name, every)
    if kong:
        yield from kongs(node, traffic, refused)
    if health:
        yield targets(peers)


def family(name: str, every: list[tuple[Series, list[int]]]) -> Metric:
    """The series of one name. Those that the first does not go together with, another plugin's, are left out."""
    first = every[0][0]
    names = [label for label, _ in first.labels]
    alike = [(s, cells) for s, cells in every if [label for label, _ in s.labels] == names and s.bounds == first.bounds]
    alike.sort(key=lambda each: each[0].labels)
    text = TEXTS.get(name, OTHERS)
    if first.bounds:
        histogram = HistogramMetricFamily(name, text, labels=names)
        for series, cells in alike:
            histogram.add_metric([value for _, value in series.labels], buckets(series, cells), cells[-1] / SCALE)
        return histogram
    if name.endswith("_total"):
        counter = CounterMetricFamily(name, text, labels=names)
        for series, cells in alike:
            counter.add_metric([value for _, value in series.labels], cells[0])
        return counter
    untyped = Metric(name, text, "unknown")  # a counter whose name does not say so, as some of Kong's
    for series, cells in alike:
        untyped.add_sample(name, dict(series.labels), cells[0])
    return untyped


def buckets(series: Series, cells: list[int]) -> list[tuple[str, float]]:
    """Bounds with how many lie below them."""
    found: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip((*map(repr, map(float, series.bounds)), "+Inf"), cells, strict=False):
        total += count
        found.append((bound, total))
    return found


def kongs(node: str, traffic: Traffic, refused: int) -> Iterator[Metric]:
    """What Kong always shows, as far as a stream gateway has it."""
    connections = GaugeMetricFamily(
        "kong_nginx_connections_total", "Sessions, by state.", labels=("node_id", "subsystem", "state")
    )
    total = traffic.ended + traffic.active
    states = {"accepted": total, "handled": total, "total": total, "active": traffic.active}
    for state, count in (states | {"reading": 0, "writing": traffic.active, "waiting": 0}).items():
        connections.add_metric((node, SUBSYSTEM, state), count)
    yield connections
    info = GaugeMetricFamily("kong_node_info", "This node.", labels=("node_id", "version"))
    info.add_metric((node, __version__), 1)
    yield info
    yield CounterMetricFamily(ERRORS, "Metrics that there was no room for.", refused)


def targets(peers: Mapping[tuple[str, str], bool]) -> Metric:
    """The health of peers, in each of Kong's states."""
    metric = GaugeMetricFamily(
        HEALTH,
        "Whether a peer whose health is checked is in a state.",
        labels=("upstream", "target", "address", "state", "subsystem"),
    )
    for (upstream, address), up in sorted(peers.items()):
        for state in ("healthchecks_off", "healthy", "unhealthy", "dns_error"):
            metric.add_metric(
                (upstream, address, address, state, SUBSYSTEM), int(state == ("healthy" if up else "unhealthy"))
            )
    return metric
