"""Clients that show certificates: who is let in where, what logs say of them, and whose TLS sessions resume."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from ssl import TLSVersion
from typing import Final, NamedTuple

import pytest
from certs import Authority
from clients import connect
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from gate import Gate
from peers import Peer
from routed import LOG, visit

CONFIG: Final = (
    """
worker_processes 3;
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    certificate { ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
    service echo { url tcp://%%ECHO%%; }

    route open     { protocols tls; snis open.test;      service echo; }
    route open-too { protocols tls; snis open-too.test;  service echo; }
    route must     { protocols tls; snis must.test;      service echo; client_verify on;       ca_certificates %%CA%%; }
    route must-too { protocols tls; snis must-too.test;  service echo; client_verify on;       ca_certificates %%CA%%; }
    route may      { protocols tls; snis may.test;       service echo; client_verify optional; ca_certificates %%CA%%; }
    route others   { protocols tls; snis others.test;    service echo; client_verify on;       ca_certificates %%OTHER_CA%%; }
    route any-of   { protocols tls; snis any-of.test;    service echo; client_verify on;
                     ca_certificates %%OTHER_CA%% %%CA%%; }
    route raw      { protocols tls_passthrough; snis raw.test; service echo; }
"""  # noqa: E501  a fact of the configuration is one line
    + LOG
    + "}\n"
)


class Client(NamedTuple):
    """A client's certificate in the file of its chain and key, and as it is."""

    file: Path
    certificate: x509.Certificate


def client_of(authority: Authority, folder: Path, name: str) -> Client:
    """A client with a certificate of an authority."""
    leaf = authority.ca.issue_cert(f"{name}.client.test", common_name=name, organization_name="Penstock, Tests")
    file = folder / f"{name}.pem"
    file.write_bytes(leaf.private_key_pem.bytes() + b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    return Client(file, x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()))


class World(NamedTuple):
    """A started gateway, and who knocks."""

    gate: Gate
    clients: dict[str, Client]

    def context(self, who: str, version: TLSVersion = TLSVersion.TLSv1_3) -> ssl.SSLContext:
        """What a client's TLS is made with; `nobody` shows nothing."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        if who in self.clients:
            context.load_cert_chain(self.clients[who].file)
        return context


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, authority: Authority, peer_a: Peer) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("clients")
    other = Authority(folder)
    clients = {"Ada": client_of(authority, folder, "Ada"), "Eve": client_of(other, folder, "Eve")}
    pair = authority.issue("gate.test")
    values = {"CRT": pair.crt, "KEY": pair.key, "CA": authority.file, "OTHER_CA": other.file, "ECHO": peer_a}
    with Gate(folder, CONFIG, **values) as gate:
        yield World(gate, clients)


ADMITTED: Final = [
    ("open", "nobody", ""),
    ("open", "Ada", ""),
    ("must", "Ada", "SUCCESS"),
    ("must", "Eve", None),
    ("must", "nobody", None),
    ("may", "Ada", "SUCCESS"),
    ("may", "nobody", "NONE"),
    ("may", "Eve", None),
    ("others", "Eve", "SUCCESS"),
    ("others", "Ada", None),
    ("others", "nobody", None),
    ("any-of", "Ada", "SUCCESS"),
    ("any-of", "Eve", "SUCCESS"),
    ("any-of", "nobody", None),
]
"""By route and client: what `$ssl_client_verify` says, or None for a refusal."""


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize(("route", "who", "verdict"), ADMITTED)
def test_each_route_has_its_own_rule(
    world: World, route: str, who: str, verdict: str | None, version: TLSVersion
) -> None:
    with visit(world.gate) as client:
        first = client.tls(f"{route}.test", world.context(who, version))
        told = client.told()
    assert told.route == route
    assert (first, told.refusal) == ((b"", "client_tls") if verdict is None else (b"a", ""))
    if verdict is not None:
        assert (told.client_verify or "NONE") == (verdict or "NONE")


def test_a_log_says_whose_certificate_it_was(world: World) -> None:
    certificate = world.clients["Ada"].certificate
    with visit(world.gate) as client:
        client.tls("must.test", world.context("Ada"))
        told = client.told()
    assert told.client_subject == certificate.subject.rfc4514_string().replace("\\", "\\x5C")  # as logs write it
    assert told.client_fingerprint == certificate.fingerprint(hashes.SHA1()).hex()


def test_the_log_says_why_a_client_was_not_let_in(world: World) -> None:
    with visit(world.gate) as client:
        client.tls("must.test", world.context("nobody"))
        client.told()
    world.gate.logged("client sent no required SSL certificate while SSL handshaking, client: ")
    with visit(world.gate) as client:
        client.tls("must.test", world.context("Eve"))
        client.told()
    world.gate.logged(r"client SSL certificate verify error: \(\d+:.*\) while SSL handshaking, client: ")


# -- sessions that resume


def call(world: World, name: str, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSocket:
    """A connection that would like to resume a session."""
    return context.wrap_socket(connect(world.gate.port("one")), server_hostname=name, session=session)


def begun(world: World, name: str, context: ssl.SSLContext) -> ssl.SSLSession:
    """A session to resume."""
    with call(world, name, context, None) as client:
        assert client.recv(1) == b"a"  # TLS 1.3 sends its tickets after the handshake
        assert client.session is not None
        return client.session


def resumed(world: World, name: str, context: ssl.SSLContext, session: ssl.SSLSession) -> bool | None:
    """Whether a session is resumed; None when the connection is refused."""
    try:
        with call(world, name, context, session) as client:
            if client.recv(1) != b"a":
                return None
            return bool(client.session_reused)
    except (ssl.SSLError, ConnectionError):
        return None


CROSSINGS: Final = [
    ("open", "open", True),
    ("open", "open-too", True),
    ("must", "must", True),
    ("must", "must-too", True),
    ("may", "may", True),
    ("open", "must", False),
    ("open", "may", False),
    ("may", "must", False),
    ("may", "open", False),
    ("must", "may", False),
    ("must", "open", False),
    ("must", "any-of", False),
    ("any-of", "must", False),
]
"""Whether what was begun at one route may be resumed at another: only where the rules for clients are the same."""
TURNS: Final = 6
"""Of three workers, these visits miss one with a chance of 1 in 4; all cases together meet all of them."""


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize(("begin", "go_on", "may"), CROSSINGS)
def test_sessions_cross_only_to_the_same_rules(
    world: World, begin: str, go_on: str, may: bool, version: TLSVersion
) -> None:
    context = world.context("Ada", version)
    for _ in range(TURNS):
        session = begun(world, f"{begin}.test", context)
        assert resumed(world, f"{go_on}.test", context, session) is may


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("begin", ["open", "may"])
def test_a_session_carries_nobody_past_a_rule(world: World, begin: str, version: TLSVersion) -> None:
    context = world.context("nobody", version)
    for _ in range(TURNS):
        session = begun(world, f"{begin}.test", context)
        assert resumed(world, "must.test", context, session) is None


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_reload_keeps_sessions_unless_the_rule_is_another(
    tmp_path: Path, authority: Authority, peer_a: Peer, world: World, version: TLSVersion
) -> None:
    pair, other = authority.issue("gate.test"), Authority(tmp_path)
    values = {"CRT": pair.crt, "KEY": pair.key, "CA": authority.file, "OTHER_CA": other.file, "ECHO": peer_a}
    with Gate(tmp_path, CONFIG, **values) as gate:
        here = World(gate, world.clients)
        context = here.context("Ada", version)
        kept, changed, opened = (begun(here, name, context) for name in ("must.test", "must-too.test", "open.test"))
        gate.reload(
            CONFIG.replace("must-too.test;  service echo; client_verify on; ", "must-too.test; client_verify optional;")
            .replace("snis open.test;", "snis open.test; client_verify on; ca_certificates %%OTHER_CA%%;")
            .replace("route must-too {", "route must-too { service echo;")
        )
        for _ in range(TURNS):
            assert resumed(here, "must.test", context, kept) is True
            assert resumed(here, "must-too.test", context, changed) is False
            assert resumed(here, "open.test", context, opened) is None
