"""Metrics of plugins in the exposition."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.registry import Collector

from penstock.master.plugin_metrics import Traffic, families
from penstock.shared.series import Series, of

Found = list[tuple[Series, list[int]]]


def registry(found: Found, peers: Mapping[tuple[str, str], bool]) -> CollectorRegistry:
    class Given(Collector):
        def collect(self) -> list[Metric]:
            texts = [(series.text(), cells) for series, cells in found]
            return list(families(texts, 3, "node-1", Traffic(5, 2), peers))

    made = CollectorRegistry(auto_describe=False)
    made.register(Given())
    return made


def shown(*found: tuple[Series, list[int]], **peers: bool) -> list[str]:
    up = {("pool", name): state for name, state in peers.items()}
    text = generate_latest(registry(list(found), up)).decode()
    return [line for line in text.splitlines() if not line.startswith("# HELP")]


MARK = (of("kong_nginx_metric_errors_total", {}), [0])


def test_a_counter() -> None:
    rows = [(of("a_total", {"x": "2"}), [7]), (of("a_total", {"x": "1"}), [5])]
    assert shown(*rows) == ["# TYPE a_total counter", 'a_total{x="1"} 5.0', 'a_total{x="2"} 7.0']


def test_a_counter_that_does_not_say_so_keeps_its_name() -> None:
    assert shown((of("kong_bandwidth_bytes", {"direction": "egress"}), [9])) == [
        "# TYPE kong_bandwidth_bytes untyped",
        'kong_bandwidth_bytes{direction="egress"} 9.0',
    ]


def test_a_histogram() -> None:
    assert shown((of("ms", {"r": "a"}, (25.0, 50.0)), [1, 2, 4, 1500])) == [
        "# TYPE ms histogram",
        'ms_bucket{le="25.0",r="a"} 1.0',
        'ms_bucket{le="50.0",r="a"} 3.0',
        'ms_bucket{le="+Inf",r="a"} 7.0',
        'ms_count{r="a"} 7.0',
        'ms_sum{r="a"} 1.5',
    ]


def test_what_does_not_go_with_the_first_of_its_name_is_left_out() -> None:
    rows = [
        (of("a_total", {"x": "1"}), [5]),
        (of("a_total", {"y": "1"}), [6]),
        (of("a_total", {"x": "1"}, (1.0,)), [1] * 3),
    ]
    assert shown(*rows) == ["# TYPE a_total counter", 'a_total{x="1"} 5.0']


def test_kongs_standing_metrics_come_with_the_plugin() -> None:
    assert shown() == []
    lines = shown(MARK)
    assert 'kong_nginx_connections_total{node_id="node-1",state="accepted",subsystem="stream"} 7.0' in lines
    assert 'kong_nginx_connections_total{node_id="node-1",state="active",subsystem="stream"} 2.0' in lines
    assert any(line.startswith('kong_node_info{node_id="node-1",version="') for line in lines)
    assert "kong_nginx_metric_errors_total 3.0" in lines


def test_the_health_of_targets_where_it_is_asked_for() -> None:
    lines = shown(MARK, (of("kong_upstream_target_health", {}), [0]), a=True, b=False)
    healthy = [line for line in lines if 'state="healthy"' in line]
    assert [line[-3:] for line in healthy] == ["1.0", "0.0"]
    assert sum(line.startswith("kong_upstream_target_health{") for line in lines) == 8
    assert not any("kong_upstream" in line for line in shown(MARK, a=True))


def test_openmetrics_takes_it() -> None:
    rows = [MARK, (of("kong_bandwidth_bytes", {}), [9]), (of("ms", {}, (1.0,)), [1, 1, 9])]
    text = openmetrics(registry(rows, {})).decode()  # type: ignore[no-untyped-call]
    names = {family.name for family in parse_openmetrics(text)}  # type: ignore[no-untyped-call]
    assert names >= {"kong_bandwidth_bytes", "ms"}
