"""TLS on both sides of the gateway: ended, passed through, encrypted again, begun; and what upstreams see."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest
from certs import Authority
from clients import careless, client_hello, connect, connect_tls, read_all
from gate import Gate
from peers import Peer
from routed import LOG, visit

CONFIG: Final = (
    """
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    upstream pool { server %%NAMED%%; }
    upstream Mixed.Pool { server %%NAMED%%; }

    service plain     { url tcp://%%PLAIN%%; }
    service through   { url tcp://%%NAMED%%; }
    service by-ip     { url tls://%%NAMED%%; }
    service by-name   { url tls://localhost:%%NAMED_PORT%%; }
    service by-pool   { protocol tls; host pool; }
    service named     { url tls://%%NAMED%%; proxy_ssl_name chosen.test; }
    service unnamed   { url tls://localhost:%%NAMED_PORT%%; proxy_ssl_server_name off; }
    service showing   { url tls://%%NAMED%%; client_certificate %%CLIENT_CRT%% %%CLIENT_KEY%%; }
    service old       { url tls://%%NAMED%%; proxy_ssl_protocols TLSv1.2; }

    service trusting  { url tls://%%NAMED%%; proxy_ssl_name named.test; tls_verify on; ca_certificates %%CA%%; }
    service listing   { url tls://%%NAMED%%; proxy_ssl_name named.test; tls_verify on;
                        ca_certificates %%OTHER_CA%% %%CA%%; }
    service localhost { url tls://localhost:%%LOCAL_PORT%%; tls_verify on; ca_certificates %%CA%%; }
    service stranger  { url tls://%%NAMED%%; proxy_ssl_name named.test; tls_verify on; ca_certificates %%OTHER_CA%%; retries 0; }
    service misnamed  { url tls://%%NAMED%%; proxy_ssl_name other.test; tls_verify on; ca_certificates %%CA%%; retries 0; }
    service by-number { url tls://%%NAMED%%; tls_verify on; ca_certificates %%CA%%; retries 0; }
    service deep      { url tls://%%DEEP%%; proxy_ssl_name deep.test; tls_verify on; tls_verify_depth 1; ca_certificates %%CA%%; }
    service shallow   { url tls://%%DEEP%%; proxy_ssl_name deep.test; tls_verify on; tls_verify_depth 0; ca_certificates %%CA%%; retries 0; }
    service careless  { url tls://%%NAMED%%; proxy_ssl_name other.test; tls_verify off; ca_certificates %%OTHER_CA%%; }
    service no-tls    { url tls://%%DUMPER%%; retries 0; }

"""  # noqa: E501  a fact of the configuration is one line
    + LOG
    + "%%ROUTES%%\n}\n"
)
SERVICES: Final = [
    "plain", "through", "by-ip", "by-name", "by-pool", "named", "unnamed", "showing", "old", "trusting", "listing",
    "localhost", "stranger", "misnamed", "by-number", "deep", "shallow", "careless", "no-tls",
]  # fmt: skip


def routes() -> str:
    """For every service: one route that ends TLS, one that does so and keeps the name, one that passes it through, and
    one for plain traffic, by the address it comes to."""
    lines = []
    for number, name in enumerate(SERVICES, 1):
        lines += [
            f"stream_listen 127.0.1.{number}:%%PORT_one%%;",
            f"route {name}-ended {{ protocols tls; snis {name}.ended.test; service {name}; }}",
            f"route {name}-kept {{ protocols tls; snis {name}.kept.test; service {name}; preserve_host on; }}",
            f"route {name}-passed {{ protocols tls_passthrough; snis {name}.passed.test; service {name}; }}",
            f"route {name}-begun {{ protocols tcp; destinations 127.0.1.{number}; service {name}; }}",
            f"route {name}-any {{ protocols tls; destinations 127.0.1.{number}; service {name}; preserve_host on; }}",
        ]
    return "\n".join(lines)


class Seen(NamedTuple):
    """What an upstream saw of its connection."""

    name: str
    version: str
    certificate: str


def tells(connection: socket.socket) -> None:
    """Wait for a byte, say what the gateway's TLS was like, and close."""
    assert isinstance(connection, ssl.SSLSocket)
    if not connection.recv(1):
        return
    name = getattr(connection, "named", None) or "-"
    certificate = connection.getpeercert()
    shown = str(certificate["subjectAltName"][0][1]) if certificate else "-"
    connection.sendall(f"{name} {connection.version()} {shown}".encode())


def remember(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
    """Keep the hello's name where the behaviour finds it."""
    connection.named = name  # type: ignore[union-attr]  # sockets take attributes; the stubs do not say so


def telling(authority: Authority, context: ssl.SSLContext) -> Peer:
    """A peer that tells."""
    context.sni_callback = remember
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(authority.file)
    return Peer(tells, tls=context)


def deep_context(authority: Authority) -> ssl.SSLContext:
    """A server's context whose certificate is issued by an authority under the one that is known."""
    leaf = authority.ca.create_child_ca().issue_cert("deep.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, authority: Authority, peer_a: Peer, dumper: Peer) -> Iterator[Gate]:
    folder = tmp_path_factory.mktemp("modes")
    pair, client, other = authority.issue("gate.test"), authority.issue("client.test"), Authority(folder)
    with (
        telling(authority, authority.server("named.test")) as named,
        telling(authority, authority.server("localhost")) as local,
        telling(authority, deep_context(authority)) as deep,
        Gate(
            folder, CONFIG.replace("%%ROUTES%%", routes()),
            PLAIN=peer_a, DUMPER=dumper, NAMED=named, NAMED_PORT=named.port, LOCAL_PORT=local.port, DEEP=deep,
            CRT=pair.crt, KEY=pair.key, CLIENT_CRT=client.crt, CLIENT_KEY=client.key,
            CA=authority.file, OTHER_CA=other.file,
        ) as running,
    ):  # fmt: skip
        yield running


def told(connection: socket.socket) -> Seen:
    """What the upstream says."""
    connection.sendall(b"x")
    return Seen(*read_all(connection).decode().split())


def address(service: str) -> str:
    """Where plain traffic for a service goes."""
    return f"127.0.1.{SERVICES.index(service) + 1}"


# -- what becomes of TLS


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("by-ip", "-"),
        ("by-name", "localhost"),
        ("by-pool", "pool"),
        ("named", "chosen.test"),
        ("unnamed", "-"),
        ("showing", "-"),
        ("trusting", "named.test"),
        ("listing", "named.test"),
        ("localhost", "localhost"),
        ("deep", "deep.test"),
        ("careless", "other.test"),
    ],
)
@pytest.mark.parametrize("mode", ["encrypted again", "begun"])
def test_the_upstream_is_sent_its_own_name(gate: Gate, service: str, name: str, mode: str) -> None:
    if mode == "begun":
        with connect(gate.port("one"), address(service)) as client:
            assert told(client).name == name
        return
    with connect_tls(gate.port("one"), careless(), f"{service}.ended.test") as client:
        assert told(client).name == name


@pytest.mark.parametrize("service", ["by-ip", "by-name", "by-pool"])
def test_preserve_host_sends_the_client_s_name(gate: Gate, service: str) -> None:
    with connect_tls(gate.port("one"), careless(), f"{service.upper()}.Kept.test") as client:
        assert told(client).name == f"{service}.kept.test"


@pytest.mark.parametrize(("service", "name"), [("by-ip", "-"), ("by-name", "localhost"), ("by-pool", "pool")])
def test_preserve_host_without_a_name_sends_the_upstream_s(gate: Gate, service: str, name: str) -> None:
    with connect(gate.port("one"), address(service)) as plain, careless().wrap_socket(plain) as client:
        assert told(client).name == name


def test_preserve_host_does_not_switch_names_on(gate: Gate) -> None:
    with connect_tls(gate.port("one"), careless(), "unnamed.kept.test") as client:
        assert told(client).name == "-"


@pytest.mark.parametrize("service", ["through", "by-ip", "by-pool", "trusting", "stranger"])
def test_what_is_passed_through_is_the_client_s_own(gate: Gate, authority: Authority, service: str) -> None:
    context = authority.client()
    context.check_hostname = False
    with connect_tls(gate.port("one"), context, f"{service}.passed.test") as client:
        certificate = client.getpeercert() or {}
        assert certificate["subjectAltName"] == (("DNS", "named.test"),)
        assert told(client) == Seen(f"{service}.passed.test", "TLSv1.3", "-")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_versions_of_both_sides_have_nothing_to_do_with_each_other(gate: Gate, version: ssl.TLSVersion) -> None:
    context = careless(minimum_version=version, maximum_version=version)
    with connect_tls(gate.port("one"), context, "by-ip.ended.test") as client:
        assert client.version() == version.name.replace("_", ".")
        assert told(client).version == "TLSv1.3"
    with connect_tls(gate.port("one"), context, "old.ended.test") as client:
        assert told(client).version == "TLSv1.2"


def test_tls_that_ends_here_is_plain_behind(gate: Gate) -> None:
    with connect_tls(gate.port("one"), careless(), "plain.ended.test") as client:
        assert client.recv(1) == b"a"


def test_plain_traffic_stays_so_to_a_tcp_service(gate: Gate) -> None:
    with connect(gate.port("one"), address("plain")) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"a"


def test_a_client_that_breaks_its_handshake_off_is_refused(gate: Gate) -> None:
    with visit(gate) as client:
        client.sock.sendall(client_hello("plain.ended.test"))
        client.sock.recv(1)
        client.sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # a fatal alert
        assert client.told().refusal == "client_tls"


# -- certificates


@pytest.mark.parametrize(("service", "certificate"), [("showing", "client.test"), ("by-ip", "-")])
def test_a_service_s_client_certificate_is_shown(gate: Gate, service: str, certificate: str) -> None:
    with connect_tls(gate.port("one"), careless(), f"{service}.ended.test") as client:
        assert told(client).certificate == certificate


@pytest.mark.parametrize(
    ("service", "why"),
    [
        ("stranger", "unable to get local issuer certificate|self-signed certificate in certificate chain"),
        ("misnamed", 'upstream SSL certificate does not match "other.test"'),
        ("by-number", 'upstream SSL certificate does not match "127.0.0.1"'),
        ("shallow", "certificate chain too long"),
        ("no-tls", "SSL_do_handshake\\(\\) failed"),
    ],
)
def test_an_upstream_that_is_not_trusted_gets_no_session(gate: Gate, service: str, why: str) -> None:
    with visit(gate) as client:
        assert client.tls(f"{service}.ended.test") == b""
        line = client.told()
    assert (line.refusal, line.status, line.route) == ("upstream_tls", "502", f"{service}-ended")
    gate.logged(rf"\[error\] .*(?:{why}).* while SSL handshaking to upstream")


@pytest.mark.parametrize("service", ["trusting", "listing", "localhost", "deep", "careless"])
def test_an_upstream_that_is_trusted_gets_them(gate: Gate, service: str) -> None:
    with visit(gate) as client:
        with careless().wrap_socket(client.sock, server_hostname=f"{service}.ended.test") as tls:
            assert told(tls).version == "TLSv1.3"
        assert client.told().status == "200"
