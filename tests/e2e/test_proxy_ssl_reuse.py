"""`proxy_ssl_session_reuse`: TLS sessions with upstreams are resumed; the same on nginx and on Penstock."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

from collections.abc import Iterator

import pytest
from certs import Authority
from clients import connect, read_all
from daemon import Daemon
from oracle import PROGRAMS, oracle

CONFIG = """
stream {
    proxy_ssl on;
    ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%;
    ssl_protocols TLSv1.2 TLSv1.3; proxy_ssl_protocols TLSv1.2 TLSv1.3;
    proxy_ssl_trusted_certificate %%CA%%; proxy_ssl_name inside.test;

    server { listen 127.0.0.1:%%PORT_inside%% ssl; proxy_ssl off; return "$ssl_protocol $ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_old%% ssl; ssl_protocols TLSv1.2; proxy_ssl off; return "$ssl_protocol $ssl_session_reused"; }

    server { listen 127.0.0.1:%%PORT_reuse%%; proxy_pass 127.0.0.1:%%PORT_inside%%; proxy_ssl_verify on; }
    server { listen 127.0.0.1:%%PORT_reuse12%%; proxy_pass 127.0.0.1:%%PORT_old%%; proxy_ssl_verify on; }
    server { listen 127.0.0.1:%%PORT_never%%; proxy_pass 127.0.0.1:%%PORT_inside%%; proxy_ssl_session_reuse off; }
}
"""


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Daemon]:
    pair = authority.issue("inside.test")
    directory = tmp_path_factory.mktemp("reuse")
    with oracle(request.param, directory, CONFIG, CRT=pair.crt, KEY=pair.key, CA=authority.file) as daemon:
        yield daemon


def visits(running: Daemon, port: str) -> list[str]:
    """What the upstream says of three sessions."""
    said = []
    for _ in range(3):
        with connect(running.port(port)) as client:
            said.append(read_all(client).decode())
    return said


@pytest.mark.parametrize(("port", "version"), [("reuse", "TLSv1.3"), ("reuse12", "TLSv1.2")])
def test_a_session_with_the_upstream_is_resumed(running: Daemon, port: str, version: str) -> None:
    assert visits(running, port) == [f"{version} .", f"{version} r", f"{version} r"]


def test_it_is_not_where_that_is_off(running: Daemon) -> None:
    assert visits(running, "never") == ["TLSv1.3 ."] * 3
