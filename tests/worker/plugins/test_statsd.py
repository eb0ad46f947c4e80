"""`statsd`: lines for figures, in names or with tags."""

from __future__ import annotations

from typing import Any

import pytest
from plugin_host import Lent
from receivers import datagrams, play, received, tcp, until

from penstock.plugin_testing import StandIn, configured
from penstock.worker.plugins.statsd import Statsd, packets

RECORD: dict[str, Any] = {
    "session": {"status": 200, "received": 12, "sent": 34},
    "latencies": {"session": 5, "kong": 1, "connect": 2},
    "route": {"name": "r"},
    "service": {"name": "a.b"},
}


def lines(record: dict[str, Any], **config: Any) -> list[str]:
    plugin = configured(Statsd, **config)
    plugin._prefix = "kong"
    return [line.decode() for line in plugin.lines(record)]


def test_every_figure_has_kongs_name() -> None:
    assert lines(RECORD) == [
        "kong.service.a_b.request.count:1|c",
        "kong.service.a_b.request.size:12|c",
        "kong.service.a_b.response.size:34|c",
        "kong.service.a_b.latency:5|ms",
        "kong.service.a_b.kong_latency:1|ms",
        "kong.service.a_b.upstream_latency:2|ms",
        "kong.service.a_b.status.200:1|c",
    ]


def test_a_session_without_service_is_unmatched_and_has_no_upstream() -> None:
    record = {**RECORD, "latencies": {"session": 5, "kong": 5}, "service": {}}
    found = lines(record)
    assert found[0] == "kong.global.unmatched.request.count:1|c"
    assert not any("upstream_latency" in line for line in found)


@pytest.mark.parametrize(
    ("style", "line"),
    [
        ("dogstatsd", "kong.latency:5|ms|#route:r,service:a.b,status:200"),
        ("influxdb", "kong.latency,route=r,service=a.b,status=200:5|ms"),
        ("librato", "kong.latency#route=r,service=a.b,status=200:5|ms"),
        ("signalfx", "kong.latency[route=r,service=a.b,status=200]:5|ms"),
    ],
)
def test_tags_have_the_spelling_of_the_server(style: str, line: str) -> None:
    metric = {"name": "latency", "stat_type": "timer"}
    assert lines(RECORD, tag_style=style, metrics=[metric]) == [line]


def test_only_some_sessions_send_what_is_sampled() -> None:
    metric = {"name": "request_count", "stat_type": "counter", "sample_rate": 0.5}
    found = [line for _ in range(200) for line in lines(RECORD, metrics=[metric])]
    assert 40 < len(found) < 160
    assert set(found) == {"kong.service.a_b.request.count:1|c|@0.5"}


@pytest.mark.parametrize(
    ("size", "found"),
    [
        (0, [b"aa", b"bb", b"c"]),
        (5, [b"aa\nbb", b"c"]),
        (7, [b"aa\nbb\nc"]),
        (4, [b"aa", b"bb\nc"]),
        (1, [b"aa", b"bb", b"c"]),
    ],
)
def test_lines_are_packed_while_they_fit(size: int, found: list[bytes]) -> None:
    assert list(packets([b"aa", b"bb", b"c"], size)) == found


class Recorded(StandIn):
    def record(self, event: str = "end") -> dict[str, Any]:  # noqa: ARG002 - always the same
        return RECORD


def test_lines_go_by_datagram() -> None:
    async def scenario() -> None:
        with datagrams() as server:
            plugin = configured(Statsd, host="127.0.0.1", port=server.getsockname()[1], udp_packet_size=1000)
            plugin.worker = Lent().host
            plugin.init_worker()
            plugin.log(Recorded())
            plugin.log(Recorded())
            await plugin.close()
            (packet,) = received(server)
            assert packet.count(b"\n") == 13

    play(scenario)


def test_lines_go_over_a_connection() -> None:
    async def scenario() -> None:
        async with tcp() as server:
            plugin = configured(
                Statsd, host="127.0.0.1", port=server.port, use_tcp=True, prefix="p.", hostname_in_prefix=True
            )
            plugin.worker = Lent().host
            plugin.init_worker()
            plugin.log(Recorded())
            await plugin.close()
            await until(lambda: len(server.lines()) == 7, "the lines")
            assert server.lines()[0] == b"p.gate_test.service.a_b.request.count:1|c"

    play(scenario)


def test_a_metric_needs_a_known_name_and_type() -> None:
    with pytest.raises(ValueError, match="stat_type"):
        configured(Statsd, metrics=[{"name": "latency"}])
    with pytest.raises(ValueError, match="expected one of"):
        configured(Statsd, metrics=[{"name": "latencies", "stat_type": "timer"}])
