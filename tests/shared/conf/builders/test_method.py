"""The method of an upstream, and what nginx says of one that is wrong."""

from __future__ import annotations

import pytest
from builds import mistake, stream, warnings

from penstock.shared.model.upstream import Upstream


def upstream(text: str) -> Upstream:
    return stream(f"upstream u {{ {text} server 10.0.0.1:1; }}").upstreams["u"]


def test_without_a_method_peers_take_turns() -> None:
    made = upstream("")
    assert (made.method, made.method_arguments, made.key) == ("round_robin", (), None)


@pytest.mark.parametrize(
    ("text", "method", "arguments"),
    [
        ("hash $remote_addr;", "hash", ()),
        ("hash $remote_addr consistent;", "hash", ("consistent",)),
        ("least_conn;", "least_conn", ()),
        ("least_time first_byte inflight;", "least_time", ("first_byte", "inflight")),
        ("random;", "random", ()),
        ("random two;", "random", ("two",)),
        ("random two least_time=connect;", "random", ("two", "least_time=connect")),
    ],
)
def test_methods(text: str, method: str, arguments: tuple[str, ...]) -> None:
    made = upstream(text)
    assert (made.method, made.method_arguments) == (method, arguments)


def test_the_key_may_have_any_variables() -> None:
    key = upstream("hash $remote_addr:$remote_port;").key
    assert key is not None
    assert key.source == "$remote_addr:$remote_port"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("hash $remote_addr steady;", 'invalid parameter "steady"'),
        ("hash $nothing;", 'unknown "nothing" variable'),
        ("random three;", 'invalid parameter "three"'),
        ("random two hash;", 'invalid parameter "hash"'),
        ("least_time soon;", 'invalid parameter "soon"'),
        ("least_time connect soon;", 'invalid parameter "soon"'),
        ("hash $pid; server 10.0.0.1:2 backup;", 'balancing method does not support parameter "backup"'),
        ("random; server 10.0.0.1:2 backup;", 'balancing method does not support parameter "backup"'),
        ("hash $pid; server 10.0.0.1:2 slow_start=1s;", 'balancing method does not support parameter "slow_start=1s"'),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    assert mistake(f"upstream u {{ {text} server 10.0.0.1:1; }}").text == complaint


def test_a_backup_above_the_method_is_taken_as_nginx_does() -> None:
    made = stream("upstream u { server 10.0.0.1:1; server 10.0.0.1:2 backup; hash $pid; }").upstreams["u"]
    assert made.peers[1].backup
    assert stream("upstream u { least_conn; server 10.0.0.1:1; server 10.0.0.1:2 backup; }").upstreams["u"]


def test_the_last_method_holds() -> None:
    text = "upstream u { least_conn; random; hash $pid; server 10.0.0.1:1; }"
    assert stream(text).upstreams["u"].method == "hash"
    assert warnings(text) == ["load balancing method redefined"] * 2


def test_slow_start() -> None:
    peers = stream("upstream u { server 10.0.0.1:1 slow_start=90; server 10.0.0.1:2; }").upstreams["u"].peers
    assert [peer.slow_start for peer in peers] == [90.0, 0.0]
