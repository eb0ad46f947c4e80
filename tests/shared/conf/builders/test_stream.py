"""`stream {}`."""

from __future__ import annotations

from builds import build, stream

from penstock.shared.model.stream import Stream


def test_without_a_block_there_is_an_empty_stream() -> None:
    assert build("events {}").stream == Stream(reads_hellos=False)


def test_servers_keep_their_order() -> None:
    servers = stream("server { listen 3; return x; } server { listen 1; return x; }").servers
    assert [server.listens[0].address.port for server in servers] == [3, 1]


def test_what_is_named_may_stand_below_those_who_name_it() -> None:
    text = "server { listen 1; proxy_pass u; access_log /a f; } upstream u { server 10.0.0.1:1; } log_format f x;"
    assert list(stream(text).upstreams) == ["u"]


def test_a_server_and_the_gateway_live_side_by_side() -> None:
    result = stream("server { listen 1; return x; } stream_listen 2;")
    assert (len(result.servers), len(result.gateway.listens)) == (1, 1)
