"""The real nginx as the upstream: what Penstock sends is what nginx understands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from certs import Authority
from clients import connect, connect_tls, read_all
from gate import Gate
from needs import requires
from nginx import Nginx

# ruff: noqa: E501  a fact of the configuration is one line

pytestmark = requires("nginx-stream")

BEHIND = """
stream {
    ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; ssl_protocols TLSv1.2 TLSv1.3;
    server { listen 127.0.0.1:%%PORT_plain%%; return "plain $remote_addr"; }
    server { listen 127.0.0.1:%%PORT_proxied%% proxy_protocol; set_real_ip_from 127.0.0.1; return "$remote_addr:$remote_port"; }
    server { listen 127.0.0.1:%%PORT_tls%% ssl; return "$ssl_protocol $ssl_server_name"; }
    server { listen 127.0.0.1:%%PORT_both%% ssl proxy_protocol; return "$ssl_protocol $proxy_protocol_addr"; }
}
"""
CONFIG = """
stream {
    server { listen 127.0.0.1:%%PORT_plain%%;   proxy_pass 127.0.0.1:%%PLAIN%%; }
    server { listen 127.0.0.1:%%PORT_v1%%;      proxy_protocol on; proxy_pass 127.0.0.1:%%PROXIED%%; }
    server { listen 127.0.0.1:%%PORT_tls%%;     proxy_ssl on; proxy_ssl_server_name on; proxy_ssl_name behind.test;
             proxy_ssl_verify on; proxy_ssl_trusted_certificate %%CA%%; proxy_pass 127.0.0.1:%%TLS%%; }
    server { listen 127.0.0.1:%%PORT_both%%;    proxy_ssl on; proxy_protocol on; proxy_pass 127.0.0.1:%%BOTH%%; }
    server { listen 127.0.0.1:%%PORT_passed%%;  ssl_preread on; proxy_pass 127.0.0.1:%%TLS%%; }
}
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Gate]:
    pair = authority.issue("behind.test")
    with Nginx(tmp_path_factory.mktemp("behind"), BEHIND, CRT=pair.crt, KEY=pair.key) as nginx:
        ports = {name.upper(): nginx.port(name) for name in ("plain", "proxied", "tls", "both")}
        with Gate(tmp_path_factory.mktemp("front"), CONFIG, CA=authority.file, **ports) as running:
            yield running


def said(gate: Gate, port: str) -> tuple[str, int]:
    """What nginx says, and the client's own port."""
    with connect(gate.port(port)) as client:
        return read_all(client).decode(), client.getsockname()[1]


def test_plain(gate: Gate) -> None:
    assert said(gate, "plain")[0] == "plain 127.0.0.1"


def test_the_proxy_header(gate: Gate) -> None:
    text, port = said(gate, "v1")
    assert text == f"127.0.0.1:{port}"


def test_tls_with_a_name_and_verification(gate: Gate) -> None:
    assert said(gate, "tls")[0] == "TLSv1.3 behind.test"


def test_the_proxy_header_before_tls(gate: Gate) -> None:
    assert said(gate, "both")[0] == "TLSv1.3 127.0.0.1"


def test_tls_passed_through(gate: Gate, authority: Authority) -> None:
    with connect_tls(gate.port("passed"), authority.client(), "behind.test") as client:
        assert read_all(client) == b"TLSv1.3 behind.test"
