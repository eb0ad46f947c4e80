"""`listen … ssl`: TLS ended at the gateway; the same on nginx and on Penstock."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import contextlib
import hashlib
import ssl
from collections.abc import Iterator
from ssl import TLSVersion

import pytest
from certs import Authority
from clients import careless, connect, connect_tls, echoed, ended_without_a_byte, read_all, s_client
from daemon import Daemon
from needs import requires
from oracle import PROGRAMS, oracle
from peers import Peer, digest_of, sources

CONFIG = """
stream {
    log_format tls '$server_port $status [$ssl_protocol] [$ssl_cipher] [$ssl_server_name] [$ssl_session_reused]';
    access_log %%DIR%%/access.log tls;
    ssl_certificate     %%CRT%%;
    ssl_certificate_key %%KEY%%;
    ssl_protocols       TLSv1.2 TLSv1.3;

    server { listen 127.0.0.1:%%PORT_echo%% ssl;  proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_tls12%% ssl; ssl_protocols TLSv1.2; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_tls13%% ssl; ssl_protocols TLSv1.3; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_cipher%% ssl; ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_both%% ssl;  ssl_certificate %%RSA_CRT%%; ssl_certificate_key %%RSA_KEY%%;
                                                  ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; ssl_protocols TLSv1.2; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_slow%% ssl;  ssl_handshake_timeout 200ms; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_return%% ssl; return "$ssl_protocol $ssl_server_name"; }
    server { listen 127.0.0.1:%%PORT_source%% ssl; proxy_pass %%SOURCE%%; }
    server { listen 127.0.0.1:%%PORT_plain%%;     return "[$ssl_protocol]"; }
    server { listen 127.0.0.1:%%PORT_alpn%% ssl;  ssl_alpn h2 postgresql; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_mtls%% ssl;  ssl_client_certificate %%CA%%; ssl_verify_client on; return "$ssl_client_verify $ssl_client_s_dn"; }
}
"""


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority, echo: Peer
) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("terminate")
    pair, rsa = authority.issue("gate.test"), authority.issue("gate.test", rsa=True)
    with (
        Peer(sources) as source,
        oracle(
            request.param, directory, CONFIG,
            ECHO=echo, SOURCE=source, CRT=pair.crt, KEY=pair.key, RSA_CRT=rsa.crt, RSA_KEY=rsa.key, CA=authority.file,
        ) as daemon,
    ):  # fmt: skip
        yield daemon


def test_tls_ends_at_the_gateway(running: Daemon, authority: Authority) -> None:
    with connect_tls(running.port("echo"), authority.client(), "gate.test") as client:
        assert echoed(client, b"clear behind") == b"clear behind"
        assert client.version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("port", "low", "high", "version"),
    [
        ("tls12", TLSVersion.TLSv1_2, TLSVersion.TLSv1_3, "TLSv1.2"),
        ("tls13", TLSVersion.TLSv1_2, TLSVersion.TLSv1_3, "TLSv1.3"),
        ("echo", TLSVersion.TLSv1_2, TLSVersion.TLSv1_2, "TLSv1.2"),
    ],
)
def test_ssl_protocols_bounds_the_version(
    running: Daemon, port: str, low: TLSVersion, high: TLSVersion, version: str
) -> None:
    context = careless(minimum_version=low, maximum_version=high)
    with connect_tls(running.port(port), context) as client:
        assert client.version() == version


@pytest.mark.parametrize(("port", "only"), [("tls12", TLSVersion.TLSv1_3), ("tls13", TLSVersion.TLSv1_2)])
def test_a_version_outside_ssl_protocols_is_an_alert_and_status_500(
    running: Daemon, port: str, only: TLSVersion
) -> None:
    context = careless(minimum_version=only, maximum_version=only)
    with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
        connect_tls(running.port(port), context)
    running.logged(rf"^{running.port(port)} 500 ", "access.log")


def test_ssl_ciphers_chooses_the_cipher(running: Daemon) -> None:
    with connect_tls(running.port("cipher"), careless()) as client:
        cipher = client.cipher()
    assert cipher is not None
    assert cipher[0] == "ECDHE-ECDSA-CHACHA20-POLY1305"


def test_no_common_cipher_is_an_alert(running: Daemon) -> None:
    context = careless(maximum_version=TLSVersion.TLSv1_2)
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake failure"):
        connect_tls(running.port("cipher"), context)


@pytest.mark.parametrize("kind", ["ECDSA", "RSA"])
def test_two_certificates_serve_both_kinds_of_client(running: Daemon, authority: Authority, kind: str) -> None:
    context = authority.client()
    context.maximum_version = TLSVersion.TLSv1_2
    context.set_ciphers(f"ECDHE-{kind}-AES128-GCM-SHA256")
    with connect_tls(running.port("both"), context, "gate.test") as client:
        assert echoed(client, b"x") == b"x"


def test_the_variables_are_logged(running: Daemon) -> None:
    context = careless(maximum_version=TLSVersion.TLSv1_2)
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with connect_tls(running.port("echo"), context, "named.test") as client:
        echoed(client, b"x")
    line = r" 200 \[TLSv1.2\] \[ECDHE-ECDSA-AES128-GCM-SHA256\] \[named.test\] \[\.\]$"
    running.logged(line, "access.log")


def test_a_session_resumes(running: Daemon) -> None:
    context = careless(maximum_version=TLSVersion.TLSv1_2)
    with connect_tls(running.port("tls12"), context) as client:
        echoed(client, b"x")
        session = client.session
    again = context.wrap_socket(connect(running.port("tls12")), session=session)
    with again:
        echoed(again, b"y")
        assert again.session_reused
    running.logged(rf"^{running.port('tls12')} .* \[r\]$", "access.log")


def test_plain_bytes_on_a_tls_port_end_the_session(running: Daemon) -> None:
    with connect(running.port("echo")) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        client.settimeout(10)
        read_all(client)
    running.logged(rf"^{running.port('echo')} 500 ", "access.log")
    running.logged(r"\[info\] .* SSL_do_handshake\(\) failed .* while SSL handshaking, client: 127.0.0.1")


def test_a_client_that_leaves_in_its_handshake_is_no_error(running: Daemon) -> None:
    with connect(running.port("echo")) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01")
    running.logged(r"\[info\] .* peer closed connection in SSL handshake.* while SSL handshaking, client: 127.0.0.1")


def test_a_slow_handshake_is_cut_at_ssl_handshake_timeout(running: Daemon) -> None:
    with connect(running.port("slow")) as client:
        assert ended_without_a_byte(client)
    assert running.session("slow").startswith("500 ")


def test_return_comes_after_the_handshake(running: Daemon) -> None:
    with connect_tls(running.port("return"), careless(), "named.test") as client:
        assert read_all(client) == b"TLSv1.3 named.test"


def test_ssl_variables_are_empty_on_a_plain_port(running: Daemon) -> None:
    with connect(running.port("plain")) as client:
        assert read_all(client) == b"[]"


def test_a_long_answer_ends_with_close_notify(running: Daemon) -> None:
    context = careless()
    with connect(running.port("source")) as plain, context.wrap_socket(plain, suppress_ragged_eofs=False) as client:
        client.sendall(b"3000000\n")
        assert hashlib.sha256(read_all(client)).hexdigest() == digest_of(3_000_000)


def test_alpn_is_chosen_by_the_gateways_order(running: Daemon) -> None:
    context = careless()
    context.set_alpn_protocols(["postgresql", "h2"])
    with connect_tls(running.port("alpn"), context) as client:
        assert client.selected_alpn_protocol() == "h2"


def test_alpn_without_overlap_is_an_alert(running: Daemon) -> None:
    context = careless()
    context.set_alpn_protocols(["spdy/1"])
    with pytest.raises(ssl.SSLError, match=r"(?i)no application protocol"):
        connect_tls(running.port("alpn"), context)


def test_a_client_certificate_is_verified(running: Daemon, authority: Authority) -> None:
    context = careless()
    context.load_cert_chain(*authority.issue("client.test"))
    with connect_tls(running.port("mtls"), context) as client:
        assert read_all(client).startswith(b"SUCCESS ")


def test_without_its_certificate_a_client_gets_nothing(running: Daemon) -> None:
    """Penstock refuses in the handshake, nginx after it."""
    with (
        connect(running.port("mtls")) as plain,
        contextlib.suppress(ssl.SSLError),
        careless(maximum_version=TLSVersion.TLSv1_2).wrap_socket(plain) as client,
    ):
        assert ended_without_a_byte(client)
    running.logged(rf"^{running.port('mtls')} 500 ", "access.log")


@requires("openssl")
def test_openssl_is_served(running: Daemon, authority: Authority) -> None:
    flags = (
        "-CAfile",
        str(authority.file),
        "-servername",
        "gate.test",
        "-verify_return_error",
        "-quiet",
        "-no_ign_eof",
    )
    assert "by openssl" in s_client(running.port("echo"), *flags, send=b"by openssl\n", until="by openssl\n")
