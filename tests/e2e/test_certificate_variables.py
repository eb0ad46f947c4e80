"""Certificates named by variables; the same on nginx and on Penstock."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
from certs import Authority
from clients import careless, connect, connect_tls, read_all
from daemon import Daemon
from oracle import PROGRAMS, oracle

CONFIG = """
stream {
    log_format access '$server_port $status $upstream_addr';
    access_log %%DIR%%/access.log access;
    proxy_ssl_session_reuse off;
    map $server_port $client { default ""; %%PORT_shown%% %%CLIENT_CRT%%; }

    server { listen 127.0.0.1:%%PORT_tls%% ssl; ssl_certificate %%CERTS%%/$ssl_server_name.crt; ssl_certificate_key %%CERTS%%/$ssl_server_name.key; return "$ssl_server_name $ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_mtls%% ssl; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; ssl_client_certificate %%CA%%; ssl_verify_client optional; return "$ssl_client_verify"; }
    server { listen 127.0.0.1:%%PORT_shown%%; proxy_pass 127.0.0.1:%%PORT_mtls%%; proxy_ssl on; proxy_ssl_certificate $client; proxy_ssl_certificate_key %%CLIENT_KEY%%; }
    server { listen 127.0.0.1:%%PORT_bare%%; proxy_pass 127.0.0.1:%%PORT_mtls%%; proxy_ssl on; proxy_ssl_certificate $client; proxy_ssl_certificate_key %%CLIENT_KEY%%; }
    server { listen 127.0.0.1:%%PORT_gone%%; proxy_pass 127.0.0.1:%%PORT_mtls%%; proxy_ssl on; proxy_ssl_certificate %%CERTS%%/$server_port; proxy_ssl_certificate_key %%CLIENT_KEY%%; }
}
"""


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Daemon]:
    pair, client = authority.issue("one.test"), authority.issue("client.test")
    authority.issue("two.test")
    with oracle(
        request.param, tmp_path_factory.mktemp("named"), CONFIG, CERTS=authority.directory, CRT=pair.crt, KEY=pair.key,
        CLIENT_CRT=client.crt, CLIENT_KEY=client.key, CA=authority.file,
    ) as daemon:  # fmt: skip
        yield daemon


@pytest.mark.parametrize("name", ["one.test", "two.test"])
def test_each_name_meets_its_certificate(running: Daemon, authority: Authority, name: str) -> None:
    with connect_tls(running.port("tls"), authority.client(), name) as client:
        assert read_all(client).decode() == f"{name} ."


def test_a_missing_file_fails_the_handshake(running: Daemon) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)internal[ _]error"):
        connect_tls(running.port("tls"), careless(), "gone.test")
    running.logged(
        r'\[error\] .* cannot load certificate "[^"]*/gone.test.crt": BIO_new_file\(\) failed .* while SSL handshaking, client: 127'
    )


@pytest.mark.parametrize(("port", "verdict"), [("shown", b"SUCCESS"), ("bare", b"NONE")])
def test_the_certificate_shown_to_the_upstream(running: Daemon, port: str, verdict: bytes) -> None:
    with connect(running.port(port)) as client:
        assert read_all(client) == verdict


def test_a_missing_one_fails_the_session(running: Daemon) -> None:
    with connect(running.port("gone")) as client:
        assert read_all(client) == b""
    running.logged(r"\[error\] .* cannot load certificate .* failed .* while connecting to upstream")
    assert running.session("gone") == f"500 127.0.0.1:{running.port('mtls')}"
