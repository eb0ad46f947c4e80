"""`proxy_ssl`: TLS towards the upstream; the same on nginx and on Penstock."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest
from certs import Authority
from clients import careless, connect, connect_tls, echoed, ended_without_a_byte, read_all
from daemon import Daemon
from oracle import PROGRAMS, oracle
from peers import Peer

CONFIG = """
stream {
    log_format tries '$server_port $status $upstream_addr';
    access_log %%DIR%%/access.log tries;
    proxy_ssl on;
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
    proxy_ssl_session_reuse off;    # nginx keeps sessions per upstream: one server's would be resumed by another
    upstream named.test { server %%NAMED%%; }
    upstream next { server %%BROKEN%%; server %%NAMED%%; }

    server { listen 127.0.0.1:%%PORT_unverified%%; proxy_pass %%NAMED%%; }
    server { listen 127.0.0.1:%%PORT_verified%%;   proxy_ssl_verify on; proxy_ssl_trusted_certificate %%CA%%; proxy_ssl_name named.test; proxy_pass %%NAMED%%; }
    server { listen 127.0.0.1:%%PORT_by_block%%;   proxy_ssl_verify on; proxy_ssl_trusted_certificate %%CA%%; proxy_pass named.test; }
    server { listen 127.0.0.1:%%PORT_wrong_name%%; proxy_ssl_verify on; proxy_ssl_trusted_certificate %%CA%%; proxy_ssl_name other.test; proxy_pass %%NAMED%%; }
    server { listen 127.0.0.1:%%PORT_wrong_ca%%;   proxy_ssl_verify on; proxy_ssl_trusted_certificate %%OTHER_CA%%; proxy_ssl_name named.test; proxy_pass %%NAMED%%; }
    server { listen 127.0.0.1:%%PORT_no_sni%%;     proxy_ssl_name named.test; proxy_pass %%NAMED%%; }
    server { listen 127.0.0.1:%%PORT_sni%%;        proxy_ssl_server_name on; proxy_ssl_name sni.test; proxy_pass %%NAMED%%; }
    server { listen 127.0.0.1:%%PORT_tls12%%;      proxy_ssl_protocols TLSv1.2; proxy_pass %%NAMED%%; }
    server { listen 127.0.0.1:%%PORT_cipher%%;     proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305; proxy_pass %%NAMED%%; }
    server { listen 127.0.0.1:%%PORT_not_tls%%;    proxy_pass %%BROKEN%%; }
    server { listen 127.0.0.1:%%PORT_client_crt%%; proxy_ssl_certificate %%CLIENT_CRT%%; proxy_ssl_certificate_key %%CLIENT_KEY%%; proxy_pass %%NAMED%%; }
    server { listen 127.0.0.1:%%PORT_both%% ssl;   ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_off%%;        proxy_ssl off; proxy_pass %%PLAIN%%; }
}
"""


def tells_session(connection: socket.socket) -> None:
    """Answer what the gateway's TLS was like, as `name version cipher certificate`, and close."""
    assert isinstance(connection, ssl.SSLSocket)
    cipher = connection.cipher()
    assert cipher is not None
    certificate = "certificate" if connection.getpeercert(binary_form=True) else "none"
    name = getattr(connection, "named", None) or "no-name"
    connection.sendall(f"{name} {connection.version()} {cipher[0]} {certificate}".encode())


def remember_name(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
    """Keep the hello's name where the behaviour finds it."""
    connection.named = name  # type: ignore[union-attr]  # sockets take attributes; the stubs do not say so


@pytest.fixture(scope="module")
def named(authority: Authority) -> Iterator[Peer]:
    context = authority.server("named.test")
    context.sni_callback = remember_name
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(authority.file)
    with Peer(tells_session, tls=context) as peer:
        yield peer


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    named: Peer,
    tls_echo: Peer,
    peer_a: Peer,
    dumper: Peer,
) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("proxy_ssl")
    client, gate = authority.issue("client.test"), authority.issue("gate.test")
    other = Authority(directory)
    with oracle(
        request.param, directory, CONFIG,
        NAMED=named, ECHO=tls_echo, PLAIN=peer_a, BROKEN=dumper, CA=authority.file, OTHER_CA=other.file,
        CLIENT_CRT=client.crt, CLIENT_KEY=client.key, CRT=gate.crt, KEY=gate.key,
    ) as daemon:  # fmt: skip
        yield daemon


def told(running: Daemon, port: str) -> list[str]:
    """What the upstream saw: name, version, cipher, certificate."""
    with connect(running.port(port)) as client:
        return read_all(client).decode().split()


@pytest.mark.parametrize("port", ["unverified", "verified", "by_block"])
def test_the_upstream_is_spoken_to_in_tls(running: Daemon, port: str) -> None:
    assert told(running, port)[1:2] == ["TLSv1.3"]


@pytest.mark.parametrize("port", ["wrong_name", "wrong_ca", "not_tls"])
def test_an_upstream_that_cannot_be_trusted_is_502(running: Daemon, port: str) -> None:
    with connect(running.port(port)) as client:
        assert ended_without_a_byte(client)
    assert running.session(port).startswith("502 ")


def test_the_log_says_which_name_did_not_fit(running: Daemon) -> None:
    with connect(running.port("wrong_name")) as client:
        ended_without_a_byte(client)
    text = r'upstream SSL certificate does not match "other.test" while SSL handshaking to upstream, client: '
    running.logged(rf"\[error\] .* {text}")


def test_the_log_says_why_a_certificate_was_not_trusted(running: Daemon) -> None:
    with connect(running.port("wrong_ca")) as client:
        ended_without_a_byte(client)
    text = r"upstream SSL certificate verify error: \(\d+:self-signed certificate in certificate chain\)"
    running.logged(rf"\[error\] .* {text} while SSL handshaking to upstream, client: ")


def test_no_name_is_sent_unless_asked_for(running: Daemon) -> None:
    assert told(running, "no_sni")[0] == "no-name"


def test_proxy_ssl_server_name_sends_proxy_ssl_name(running: Daemon) -> None:
    assert told(running, "sni")[0] == "sni.test"


def test_proxy_ssl_protocols_bounds_the_version(running: Daemon) -> None:
    assert told(running, "tls12")[1] == "TLSv1.2"


def test_proxy_ssl_ciphers_chooses_the_cipher(running: Daemon) -> None:
    assert told(running, "cipher")[2] == "ECDHE-ECDSA-CHACHA20-POLY1305"


def test_the_gateway_shows_its_certificate(running: Daemon) -> None:
    assert told(running, "client_crt")[3] == "certificate"
    assert told(running, "unverified")[3] == "none"


def test_tls_on_both_sides(running: Daemon) -> None:
    with connect_tls(running.port("both"), careless(), "gate.test") as client:
        assert echoed(client, b"x" * 100_000) == b"x" * 100_000


def test_proxy_ssl_off_is_plain(running: Daemon) -> None:
    with connect(running.port("off")) as client:
        assert client.recv(1) == b"a"
