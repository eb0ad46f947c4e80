"""TLS sessions resume on any worker, and over a reload: the contexts were made before the fork."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from ssl import TLSVersion

import pytest
from certs import Authority
from clients import careless, connect, echoed
from deadline import wait_for
from gate import Gate
from peers import Peer

CONFIG = """
worker_processes 4;
stream {
    stream_listen 127.0.0.1:%%PORT_gateway%%;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    service echo { url tcp://%%ECHO%%; }
    route all { protocols tls; snis *.test; service echo; }

    ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%;
    server { listen 127.0.0.1:%%PORT_server%% ssl; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_without%% ssl; ssl_session_tickets off; proxy_pass %%ECHO%%; }
}
"""


@pytest.fixture
def gate(tmp_path: Path, authority: Authority, echo: Peer) -> Iterator[Gate]:
    pair = authority.issue("resumed.test")
    with Gate(tmp_path, CONFIG, ECHO=echo, CRT=pair.crt, KEY=pair.key) as running:
        yield running


def visit(
    gate: Gate, port: str, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[bool, ssl.SSLSession]:
    """One connection: whether it resumed, and the session to go on with."""
    with context.wrap_socket(connect(gate.port(port)), server_hostname="resumed.test", session=session) as client:
        assert echoed(client, b"x") == b"x"
        assert client.session is not None
        return bool(client.session_reused), client.session


@pytest.mark.parametrize("port", ["gateway", "server"])
@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_a_session_resumes_on_every_worker_and_over_a_reload(gate: Gate, port: str, version: TLSVersion) -> None:
    context = careless(minimum_version=version, maximum_version=version)
    resumed, session = visit(gate, port, context, None)
    assert not resumed
    for turn in range(16):  # 16 visits miss one of four workers with a chance of 1 in 25, so most runs meet them all
        if turn == 8:
            gate.reload()
        resumed, session = visit(gate, port, context, session)
        assert resumed, f"visit {turn}"
    wait_for(lambda: gate.metric("penstock_tls_handshakes_total", resumed="yes") == 16, "all 16 are counted")


def test_without_tickets_nothing_is_resumed_in_tls_1_2(gate: Gate) -> None:
    context = careless(maximum_version=TLSVersion.TLSv1_2)
    with context.wrap_socket(connect(gate.port("without"))) as client:
        assert echoed(client, b"x") == b"x"
        assert client.session is not None
        assert not client.session.has_ticket
