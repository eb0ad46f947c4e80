"""The parameters of `listen`, and `pass`: clients are answered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clients import ask, client_hello, connect, echoed
from gate import Gate
from peers import Peer

CONFIG = """
stream {
    log_format one '$server_port $status';
    server { listen 127.0.0.1:%%PORT_all%% rcvbuf=64k sndbuf=64k fastopen=8 backlog=64 so_keepalive=30m::10 bind
                    reuseport; return all; }
    server { listen 127.0.0.1:%%PORT_deferred%% deferred; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_multipath%% multipath; return multipath; }
    server { listen [::1]:%%PORT_six%% ipv6only=on; return six; }

    map $ssl_preread_server_name $to { a.test 127.0.0.1:%%PORT_all%%; default unix:%%DIR%%/echo.sock; }
    server { listen 127.0.0.1:%%PORT_pass%%; ssl_preread on; preread_timeout 5s; pass $to; access_log pass.log one; }
    server { listen unix:%%DIR%%/echo.sock; proxy_pass %%ECHO%%; }
}
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, echo: Peer) -> Iterator[Gate]:
    with Gate(tmp_path_factory.mktemp("listen"), CONFIG, ECHO=echo.address) as running:
        yield running


@pytest.mark.parametrize("name", ["all", "multipath"])
def test_a_client_is_answered(gate: Gate, name: str) -> None:
    assert ask(gate.port(name)) == name.encode()


def test_a_client_that_speaks_first_is_answered(gate: Gate) -> None:
    with connect(gate.port("deferred")) as sock:
        assert echoed(sock, b"hello") == b"hello"


def test_a_hello_decides_where_a_connection_is_passed(gate: Gate) -> None:
    assert ask(gate.port("pass"), client_hello("a.test")) == b"all"


def test_what_was_peeked_at_reaches_the_upstream(gate: Gate) -> None:
    hello = client_hello("b.test")
    with connect(gate.port("pass")) as sock:
        assert echoed(sock, hello) == hello


def test_nobody_has_crashed(gate: Gate) -> None:
    ask(gate.port("multipath"))
    assert "[alert]" not in gate.errors()
