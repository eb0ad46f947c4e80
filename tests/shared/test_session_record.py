"""The record of a session."""

from __future__ import annotations

from typing import Any

import pytest
from builds import gateway
from viewed import Viewed, attempt

from penstock.shared.hello import ClientHello
from penstock.shared.model.address import ipv4
from penstock.shared.session_record import Facts, build_record, put
from penstock.shared.view import Try

NOW = 1_800_000_000.0
ROUTE = gateway(
    "service db { url tcp://10.0.0.7:5432; retries 2; } "
    "route r { protocols tls; snis b.test a.test; sources 10.0.0.0/8:77; destinations :5; service db; }"
).routes[0]


def record(session: Viewed, **facts: Any) -> dict[str, Any]:
    return build_record(session, Facts(**{"event": "end", "wall": NOW, "started": 0.0, "listener": "l", **facts}))


def test_a_session_has_the_fields_of_kongs_serializer() -> None:
    tried = attempt("10.0.0.7:5432", connect=0.25, first=0.5, whole=1.5)
    tried.started, tried.sent, tried.received = 0.5, 10, 20
    session = Viewed(age=2.0, received=10, sent=20, tries=[tried], local=ipv4("192.0.2.1", 443))
    found = record(session)
    assert found["started_at"] == 1_799_999_998_000
    assert found["client_ip"] == "127.0.0.1"
    assert found["session"] == {
        "status": 200, "received": 10, "sent": 20, "server_addr": "192.0.2.1", "server_port": 443, "protocol": "TCP",
    }  # fmt: skip
    assert found["upstream"] == {"received": 20, "sent": 10, "address": "10.0.0.7:5432"}
    assert found["latencies"] == {"session": 2000, "kong": 500, "connect": 250, "first_byte": 500}
    assert found["tries"] == [
        {
            "balancer_start": 1_799_999_998_500,
            "balancer_start_ns": 1_799_999_998_500_000_000,
            "balancer_latency": 250,
            "balancer_latency_ns": 250_000_000,
            "ip": "10.0.0.7",
            "outcome": "ok",
            "port": 5432,
        }
    ]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("timeout", {"outcome": "timeout", "state": "failed", "code": 504}),
        ("refused", {"outcome": "refused", "state": "failed", "code": 502}),
        ("tls", {"outcome": "tls", "state": "failed", "code": 502}),
        ("", {"outcome": "pending"}),
    ],
)
def test_every_try_tells_how_it_ended_the_last_one_too(outcome: str, expected: dict[str, object]) -> None:
    tried = Try("[::1]:9", 0.0)
    tried.outcome = outcome
    (found,) = record(Viewed(tries=[tried]))["tries"]
    assert {name: found[name] for name in expected} == expected
    assert ("state" in found) == ("state" in expected)
    assert (found["ip"], found["port"]) == ("::1", 9)


def test_a_unix_sockets_path_has_no_port() -> None:
    (found,) = record(Viewed(tries=[Try("unix:/run/a:1", 0.0)]))["tries"]
    assert found["ip"] == "unix:/run/a:1"
    assert "port" not in found


def test_route_and_service_are_entities() -> None:
    found = record(Viewed(), route=ROUTE, service=ROUTE.service)
    assert found["route"] == {
        "name": "r",
        "protocols": ["tls"],
        "snis": ["b.test", "a.test"],
        "sources": [{"ip": "10.0.0.0/8", "port": 77}],
        "destinations": [{"port": 5}],
        "preserve_host": False,
    }
    assert found["service"] == {
        "name": "db", "protocol": "tcp", "host": "10.0.0.7", "port": 5432, "retries": 2, "enabled": True,
    }  # fmt: skip


def test_a_server_without_entities_has_the_text_of_its_proxy_pass() -> None:
    assert record(Viewed(service_name="db:1"))["service"] == {"name": "db:1"}


def test_what_is_not_there_is_left_out() -> None:
    found = record(Viewed(status=403, refusal="denied"))
    assert found["refusal"] == "denied"
    assert not {"route", "service", "sni", "alpn", "ja4", "peer_ip"} & set(found)
    assert "tls" not in found["session"]
    assert found["tries"] == []


def test_the_hello_is_told() -> None:
    hello = ClientHello("A.Test", ("h2",), 0x0303, ())
    found = record(Viewed(hello=hello, values={"ja4": "t13"}, peer_addr="10.0.0.9"))
    assert (found["sni"], found["alpn"], found["ja4"], found["peer_ip"]) == ("a.test", ["h2"], "t13", "10.0.0.9")


def test_what_the_kernel_knows_is_told() -> None:
    found = record(Viewed(), client_tcp={"rtt_us": 5}, upstream_tcp={"rtt_us": 6})
    assert (found["session"]["tcp"], found["upstream"]["tcp"]) == ({"rtt_us": 5}, {"rtt_us": 6})


def test_fields_of_plugins_are_put_in_and_taken_out() -> None:
    found = record(Viewed(), fields={"a.b": 1, "session.status": 999, "tries": None, "event.x": 2, "no.such": None})
    assert found["a"] == {"b": 1}
    assert found["session"]["status"] == 999
    assert "tries" not in found
    assert found["event"] == {"x": 2}
    assert "no" not in found


def test_a_field_is_put_at_its_depth() -> None:
    place: dict[str, Any] = {}
    put(place, "a.b.c", 1)
    put(place, "a.b.d", 2)
    assert place == {"a": {"b": {"c": 1, "d": 2}}}
