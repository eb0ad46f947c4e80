"""Which plugins a session has, in which order."""

from __future__ import annotations

from builds import stream

from penstock.shared.plugin_order import explained

STREAM = stream(
    "plugin a {} plugin b {} service s { url tcp://10.0.0.1:1; plugin b {} plugin c {} }"
    " route r { protocols tcp; destinations :1; service s; plugin c {} plugin d {} }"
)


def test_of_each_name_the_nearest_by_priority() -> None:
    found = explained(STREAM, STREAM.gateway.routes[0], {"a": 1, "b": 9, "c": 5, "d": 5})
    assert [(each["name"], each["scope"], each["priority"]) for each in found] == [
        ("b", "service", 9),
        ("c", "route", 5),
        ("d", "route", 5),
        ("a", "global", 1),
    ]
    assert found[0]["where"].endswith("penstock.conf:1")


def test_a_server_has_the_global_ones() -> None:
    assert [each["name"] for each in explained(STREAM, None, {})] == ["a", "b"]
