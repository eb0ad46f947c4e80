"""Servers on one address, chosen by the name in the TLS hello: nginx's order, and nothing of one leaks to another."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import ssl
from collections.abc import Iterator
from ssl import TLSVersion

import pytest
from certs import Authority
from clients import ask, careless, connect, connect_tls, echoed, read_all, s_client
from gate import Gate
from peers import Peer

CONFIG = """
stream {
    log_format tls '$status [$server_name] [$ssl_server_name]';
    access_log %%DIR%%/access.log tls;
    ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%;

    server { listen 127.0.0.1:%%PORT_tls%% ssl; server_name first.test; return "first"; }
    server { listen 127.0.0.1:%%PORT_tls%%;     server_name exact.test; return "exact $server_name $ssl_server_name"; ssl_certificate %%EXACT_CRT%%; ssl_certificate_key %%EXACT_KEY%%; }
    server { listen 127.0.0.1:%%PORT_tls%%;     server_name *.test; return "leading"; }
    server { listen 127.0.0.1:%%PORT_tls%%;     server_name *.long.test; return "longer"; }
    server { listen 127.0.0.1:%%PORT_tls%%;     server_name .dot.example; return "dotted $server_name"; }
    server { listen 127.0.0.1:%%PORT_tls%%;     server_name www.*; return "trailing"; }
    server { listen 127.0.0.1:%%PORT_tls%%;     server_name "~^(?<tenant>[a-z]+)-([0-9]+)$"; return "regex $tenant $2"; }
    server { listen 127.0.0.1:%%PORT_tls%% default_server; return "default"; }

    server { listen 127.0.0.1:%%PORT_rules%% ssl; return "open"; proxy_timeout 5s; }
    server { listen 127.0.0.1:%%PORT_rules%%; server_name mtls.test; ssl_client_certificate %%CA%%; ssl_verify_client on; return "secret"; }
    server { listen 127.0.0.1:%%PORT_rules%%; server_name old.test; ssl_protocols TLSv1.2; return "$ssl_protocol"; }
    server { listen 127.0.0.1:%%PORT_rules%%; server_name alpn.test; ssl_alpn h2; return "[$ssl_alpn_protocol]"; }
    server { listen 127.0.0.1:%%PORT_rules%%; server_name gone.test; ssl_reject_handshake on; return "never"; }
    server { listen 127.0.0.1:%%PORT_rules%%; server_name denied.test; deny all; return "never"; }
    server { listen 127.0.0.1:%%PORT_rules%%; server_name echo.test; set $x set; proxy_pass %%ECHO%%; error_log %%DIR%%/echo.log info; }

    server { listen 127.0.0.1:%%PORT_closed%% ssl; ssl_reject_handshake on; return "never"; }
    server { listen 127.0.0.1:%%PORT_closed%%; server_name known.test; return "known"; }

    server { listen 127.0.0.1:%%PORT_plain%%; server_name a.test; return "a"; }
    server { listen 127.0.0.1:%%PORT_plain%% default_server; ssl_preread on; server_name b.test; return "b $ssl_preread_server_name"; }
}
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, authority: Authority, echo: Peer) -> Iterator[Gate]:
    pair, exact = authority.issue("gate.test"), authority.issue("exact.test")
    with Gate(
        tmp_path_factory.mktemp("virtual"), CONFIG, ECHO=echo, CRT=pair.crt, KEY=pair.key,
        EXACT_CRT=exact.crt, EXACT_KEY=exact.key, CA=authority.file,
    ) as running:  # fmt: skip
        yield running


def said(gate: Gate, port: str, name: str | None, context: ssl.SSLContext | None = None) -> str:
    """What the server of a name says."""
    with connect_tls(gate.port(port), context or careless(), name) as client:
        return read_all(client).decode()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("first.test", "first"),
        ("exact.test", "exact exact.test exact.test"),
        ("EXACT.TEST", "exact exact.test EXACT.TEST"),
        ("a.test", "leading"),
        ("a.b.test", "leading"),
        ("a.long.test", "longer"),
        ("www.long.test", "longer"),
        ("dot.example", "dotted dot.example"),
        ("a.dot.example", "dotted dot.example"),
        ("www.org", "trailing"),
        ("acme-42", "regex acme 42"),
        ("nobody.org", "default"),
        (None, "default"),
    ],
)
def test_the_name_in_the_hello_chooses_the_server(gate: Gate, name: str | None, text: str) -> None:
    assert said(gate, "tls", name) == text


def test_each_server_shows_its_own_certificate(gate: Gate, authority: Authority) -> None:
    assert said(gate, "tls", "exact.test", authority.client()).startswith("exact")
    with pytest.raises(ssl.SSLCertVerificationError, match=r"exact2\.test"):
        said(gate, "tls", "exact2.test", authority.client())


def test_a_client_certificate_is_asked_for_by_the_server_that_wants_it(gate: Gate, authority: Authority) -> None:
    assert said(gate, "rules", "other.test") == "open"
    with pytest.raises(ssl.SSLError):
        said(gate, "rules", "mtls.test")
    context = careless()
    context.load_cert_chain(*authority.issue("client.test"))
    assert said(gate, "rules", "mtls.test", context) == "secret"


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_a_session_of_an_open_server_is_no_way_into_a_closed_one(gate: Gate, version: TLSVersion) -> None:
    context = careless(minimum_version=version, maximum_version=version)
    with connect_tls(gate.port("rules"), context, "open.test") as client:
        assert read_all(client) == b"open"
        session = client.session
    plain = connect(gate.port("rules"))
    with plain, pytest.raises(ssl.SSLError):  # noqa: PT012 - in TLS 1.3 the refusal comes with the first read
        client = context.wrap_socket(plain, server_hostname="mtls.test", session=session)
        with client:
            assert read_all(client) != b"secret"


def test_each_server_has_its_own_versions_and_protocols(gate: Gate) -> None:
    assert said(gate, "rules", "old.test") == "TLSv1.2"
    context = careless()
    context.set_alpn_protocols(["h2"])
    assert said(gate, "rules", "alpn.test", context) == "[h2]"
    context.set_alpn_protocols(["http/1.1"])
    with pytest.raises(ssl.SSLError, match=r"(?i)no application protocol"):
        said(gate, "rules", "alpn.test", context)
    assert said(gate, "rules", "other.test", context) == "open"


@pytest.mark.parametrize(("port", "name"), [("rules", "gone.test"), ("closed", "nobody.test"), ("closed", None)])
def test_a_rejected_handshake_is_an_alert(gate: Gate, port: str, name: str | None) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized[ _]name"):
        said(gate, port, name)
    gate.logged(r"\[info\] .* handshake rejected while SSL handshaking, client: 127.0.0.1")


def test_only_the_name_that_is_known_is_not_rejected(gate: Gate) -> None:
    assert said(gate, "closed", "known.test") == "known"


def test_a_denial_of_the_server_that_was_named_holds(gate: Gate) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        said(gate, "rules", "denied.test")
    gate.logged(r"^403 ", "access.log")


def test_the_server_s_own_log_and_counters_are_used(gate: Gate) -> None:
    with connect_tls(gate.port("rules"), careless(), "echo.test") as client:
        assert echoed(client, b"x") == b"x"
    gate.logged("proxy 127.0.0.1:.* connected to", "echo.log")
    gate.logged(r"^200 \[echo.test\] \[echo.test\]", "access.log")


def test_without_tls_the_default_server_takes_the_connection(gate: Gate) -> None:
    assert ask(gate.port("plain"), b"hello there, server") == b"b "


def test_s_client_sees_the_alert(gate: Gate) -> None:
    assert "unrecognized name" in s_client(gate.port("closed"), "-servername", "nobody.test", close=False)
