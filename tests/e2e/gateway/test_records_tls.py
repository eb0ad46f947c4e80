"""TLS of routes and services that records brought: names, certificates, trust, and whose sessions resume."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final

import pytest
from certs import Authority
from clients import careless, connect, connect_tls, read_all
from peers import Peer
from published import Published
from record_making import ca_certificate, certificate, identity, puts, route, service, sni, target, upstream
from routed import LOG, visit

CONFIG: Final = (
    """
worker_processes 2;
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    service file  { url tcp://%%PLAIN%%; }
    route must    { protocols tls; snis must.file; service file; client_verify on; ca_certificates %%CA%%; }
    route open    { protocols tls; snis open.file; service file; }
"""
    + LOG
    + "}\n"
)
SERVICES: Final[dict[str, dict[str, Any]]] = {
    "by-ip": {},
    "by-name": {"host": "localhost"},
    "pool-ip": {"host": "pool-ip"},
    "pool-name": {"host": "pool-name"},
    "pool-header": {"host": "pool-header"},
    "pool-both": {"host": "pool-header", "client_certificate": "one"},
    "showing": {"client_certificate": "one"},
    "trusting": {"host": "localhost", "tls_verify": True, "ca_certificates": ["good"]},
    "listing": {"host": "localhost", "tls_verify": True, "ca_certificates": ["bad", "good"]},
    "headed": {"host": "pool-header", "tls_verify": True, "ca_certificates": ["good"], "retries": 0},
    "stranger": {"host": "localhost", "tls_verify": True, "ca_certificates": ["bad"], "retries": 0},
    "numbered": {"tls_verify": True, "ca_certificates": ["good"], "retries": 0},
    "unverified": {"host": "localhost", "tls_verify": False, "ca_certificates": ["bad"]},
}
UPSTREAMS: Final[dict[str, dict[str, Any]]] = {
    "pool-ip": {"client_certificate": "two"},
    "pool-name": {},
    "pool-header": {"host_header": "headed.test:443", "client_certificate": "two"},
}


def tells(connection: socket.socket) -> None:
    """Wait for a byte, say which name and whose certificate the gateway showed, and close."""
    assert isinstance(connection, ssl.SSLSocket)
    if not connection.recv(1):
        return
    shown = connection.getpeercert()
    whose = str(shown["subjectAltName"][0][1]) if shown else "-"
    connection.sendall(f"{getattr(connection, 'named', None) or '-'} {whose}".encode())


def remember(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
    """Keep the hello's name where the behaviour finds it."""
    connection.named = name  # type: ignore[union-attr]  # sockets take attributes; the stubs do not say so


def records(peer: Peer, authority: Authority, other: Authority) -> list[tuple[str, Any]]:
    """Everything."""
    made: list[tuple[str, Any]] = [
        ("ca_certificates", ca_certificate("good", authority.file.read_text())),
        ("ca_certificates", ca_certificate("bad", other.file.read_text())),
    ]
    for name in ("one", "two", "live"):
        pair = authority.issue(f"{name}.test")
        made.append(("certificates", certificate(name, pair.crt.read_text(), pair.key.read_text())))
    made.append(("snis", sni("*.kept", "live")))
    for name, fields in UPSTREAMS.items():
        made.append(("upstreams", upstream(name, **fields)))
        host = "localhost" if name == "pool-name" else "127.0.0.1"
        made.append(("targets", target(name, f"{host}:{peer.port}")))
    for name, written in SERVICES.items():
        whole: dict[str, Any] = {"port": peer.port, "protocol": "tls"} | written
        if "ca_certificates" in whole:
            whole["ca_certificates"] = [identity("ca_certificates", each) for each in whole["ca_certificates"]]
        made.append(("services", service(name, **whole)))
        made.append(("routes", route(f"{name}-ended", name, "tls", f"{name}.ended")))
        made.append(("routes", route(f"{name}-kept", name, "tls", f"{name}.kept", preserve_host=True)))
        made.append(("routes", route(f"{name}-passed", name, "tls_passthrough", f"{name}.passed")))
    return made


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, authority: Authority, peer_a: Peer) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("records")
    context = authority.server("localhost")
    context.sni_callback = remember
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(authority.file)
    pair = authority.issue("gate.test")
    values = {"CRT": pair.crt, "KEY": pair.key, "CA": authority.file, "PLAIN": peer_a}
    with Peer(tells, tls=context) as peer, Published(folder, CONFIG, **values) as running:
        running.publish(*puts(*records(peer, authority, Authority(folder))))
        yield running


def told(gate: Published, name: str, context: ssl.SSLContext | None = None) -> list[str]:
    """Name and certificate that the upstream saw."""
    with connect_tls(gate.port("one"), context or careless(), name) as client:
        client.sendall(b"x")
        return read_all(client).decode().split()


@pytest.mark.parametrize(
    ("service", "name", "whose"),
    [
        ("by-ip", "-", "-"),
        ("by-name", "localhost", "-"),
        ("pool-ip", "-", "two.test"),
        ("pool-name", "localhost", "-"),
        ("pool-header", "headed.test", "two.test"),
        ("pool-both", "headed.test", "one.test"),
        ("showing", "-", "one.test"),
        ("trusting", "localhost", "-"),
        ("listing", "localhost", "-"),
        ("unverified", "localhost", "-"),
    ],
)
def test_what_an_upstream_is_shown(gate: Published, service: str, name: str, whose: str) -> None:
    assert told(gate, f"{service}.ended") == [name, whose]


@pytest.mark.parametrize("service", ["by-ip", "by-name", "pool-ip", "pool-name", "pool-header"])
def test_preserve_host_sends_the_client_s_name(gate: Published, service: str) -> None:
    assert told(gate, f"{service}.kept")[0] == f"{service}.kept"


@pytest.mark.parametrize("service", ["by-ip", "stranger"])
def test_what_is_passed_through_is_the_client_s_own(gate: Published, authority: Authority, service: str) -> None:
    context = authority.client()
    context.check_hostname = False
    assert told(gate, f"{service}.passed", context) == [f"{service}.passed", "-"]


@pytest.mark.parametrize("service", ["stranger", "headed", "numbered"])
def test_an_upstream_that_is_not_trusted_gets_no_session(gate: Published, service: str) -> None:
    with visit(gate) as client:
        assert client.tls(f"{service}.ended", data=b"x") == b""
        line = client.told()
    assert (line.refusal, line.status, line.route) == ("upstream_tls", "502", f"{service}-ended")


@pytest.mark.parametrize(("name", "shown"), [("by-ip.kept", "live.test"), ("by-ip.ended", "gate.test")])
def test_the_certificates_of_records_and_of_the_file_are_one_choice(
    gate: Published, authority: Authority, name: str, shown: str
) -> None:
    context = authority.client()
    context.check_hostname = False
    with connect_tls(gate.port("one"), context, name) as client:
        certificate = client.getpeercert()
    assert certificate is not None
    assert certificate["subjectAltName"] == (("DNS", shown),)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize(
    ("begin", "go_on", "resumes"),
    [
        ("by-ip.ended", "by-ip.ended", True),
        ("by-ip.kept", "by-ip.kept", True),
        ("by-ip.ended", "must.file", None),
        ("open.file", "must.file", None),
    ],
)
def test_sessions_resume_on_any_worker_and_never_past_a_rule(
    gate: Published, begin: str, go_on: str, resumes: bool | None, version: ssl.TLSVersion
) -> None:
    context = careless(minimum_version=version, maximum_version=version)
    for _ in range(6):
        assert resumed(gate, go_on, context, session_of(gate, begin, context)) is resumes


def session_of(gate: Published, name: str, context: ssl.SSLContext) -> ssl.SSLSession:
    """A session to resume."""
    with connect_tls(gate.port("one"), context, name) as client:
        client.sendall(b"x")
        assert client.recv(100)
        assert client.session is not None
        return client.session


def resumed(gate: Published, name: str, context: ssl.SSLContext, session: ssl.SSLSession) -> bool | None:
    """Whether a session is resumed; None when the connection is refused."""
    try:
        with context.wrap_socket(connect(gate.port("one")), server_hostname=name, session=session) as client:
            client.sendall(b"x")
            return bool(client.session_reused) if client.recv(100) else None
    except (ssl.SSLError, ConnectionError):
        return None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_sessions_outlive_a_reload(gate: Published, version: ssl.TLSVersion) -> None:
    context = careless(minimum_version=version, maximum_version=version)
    before = [session_of(gate, name, context) for name in ("by-ip.ended", "by-ip.kept")]
    gate.reload()
    for _ in range(4):
        assert resumed(gate, "by-ip.ended", context, before[0]) is True
        assert resumed(gate, "by-ip.kept", context, before[1]) is True
        assert resumed(gate, "must.file", context, before[0]) is None
