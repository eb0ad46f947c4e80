"""What nginx has OpenSSL do beyond a plain handshake: chains, sessions, curves, commands; the same on both programs."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from ssl import TLSVersion
from typing import Any, Final

import pytest
from certs import Authority
from clients import careless, connect, connect_tls, ended_without_a_byte, read_all, s_client
from daemon import Daemon
from needs import requires
from oracle import PROGRAMS, oracle

CONFIG: Final = """
stream {
    log_format tls '$server_port $status [$ssl_client_verify] [$ssl_session_reused]';
    access_log %%DIR%%/access.log tls;
    ssl_certificate     %%CRT%%;
    ssl_certificate_key %%KEY%%;
    ssl_protocols       TLSv1.2 TLSv1.3;

    server { listen 127.0.0.1:%%PORT_depth_default%% ssl; ssl_verify_client on; ssl_client_certificate %%CA%%; return $ssl_client_verify; }
    server { listen 127.0.0.1:%%PORT_depth_0%% ssl; ssl_verify_client on; ssl_client_certificate %%CA%%; ssl_verify_depth 0; return $ssl_client_verify; }
    server { listen 127.0.0.1:%%PORT_depth_2%% ssl; ssl_verify_client on; ssl_client_certificate %%CA%%; ssl_verify_depth 2; return $ssl_client_verify; }
    server { listen 127.0.0.1:%%PORT_no_ca%% ssl; ssl_verify_client optional_no_ca; return "$ssl_client_verify $ssl_client_s_dn"; }
    server { listen 127.0.0.1:%%PORT_some_ca%% ssl; ssl_verify_client optional_no_ca; ssl_client_certificate %%CA%%; return "$ssl_client_verify"; }

    server { listen 127.0.0.1:%%PORT_hint_default%% ssl; return "$ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_hint_77%% ssl; ssl_session_timeout 77s; return "$ssl_session_reused"; }

    server { listen 127.0.0.1:%%PORT_new_key%% ssl;  ssl_session_ticket_key new80.key; ssl_session_ticket_key old48.key; return "$ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_new_only%% ssl; ssl_session_ticket_key new80.key; return "$ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_old_key%% ssl;  ssl_session_ticket_key old48.key; return "$ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_other_key%% ssl; ssl_session_ticket_key other48.key; return "$ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_other_crt%% ssl; ssl_session_ticket_key new80.key; ssl_certificate %%OTHER_CRT%%; ssl_certificate_key %%OTHER_KEY%%; return "$ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_strict%% ssl;   ssl_session_ticket_key new80.key; ssl_verify_client on; ssl_client_certificate %%CA%%; return "$ssl_session_reused"; }

    server { listen 127.0.0.1:%%PORT_none%% ssl;     ssl_session_tickets off; return "$ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_off%% ssl;      ssl_session_tickets off; ssl_session_cache off; return "$ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_builtin%% ssl;  ssl_session_tickets off; ssl_session_cache builtin:100; return "$ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_shared%% ssl;   ssl_session_tickets off; ssl_session_cache shared:a:1m; return "$ssl_session_reused"; }
    server { listen 127.0.0.1:%%PORT_ticket_off%% ssl; ssl_session_cache off; return "$ssl_session_reused"; }

    server { listen 127.0.0.1:%%PORT_curves%% ssl;   ssl_ecdh_curve secp384r1:X25519; return "$ssl_curve $ssl_curves"; }
    server { listen 127.0.0.1:%%PORT_ciphers%% ssl;  return "$ssl_ciphers"; }

    server { listen 127.0.0.1:%%PORT_suites%% ssl;   ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256; return $ssl_cipher; }
    server { listen 127.0.0.1:%%PORT_min%% ssl;      ssl_conf_command MinProtocol TLSv1.3; ssl_conf_command Options -SessionTicket; return $ssl_protocol; }
    server { listen 127.0.0.1:%%PORT_ca_file%% ssl;  ssl_conf_command RequestCAFile shown.pem; ssl_verify_client optional_no_ca; return x; }

    server { listen 127.0.0.1:%%PORT_up_13%%; proxy_ssl on; proxy_ssl_conf_command Protocol -TLSv1.3; proxy_pass 127.0.0.1:%%PORT_says%%; }
    server { listen 127.0.0.1:%%PORT_says%% ssl; return $ssl_protocol; }
    server { listen 127.0.0.1:%%PORT_up_depth_0%%; proxy_ssl on; proxy_ssl_session_reuse off; proxy_ssl_verify on; proxy_ssl_verify_depth 0; proxy_ssl_name leaf.test; proxy_ssl_trusted_certificate %%CA%%; proxy_pass 127.0.0.1:%%PORT_long%%; }
    server { listen 127.0.0.1:%%PORT_up_depth_2%%; proxy_ssl on; proxy_ssl_session_reuse off; proxy_ssl_verify on; proxy_ssl_verify_depth 2; proxy_ssl_name leaf.test; proxy_ssl_trusted_certificate %%CA%%; proxy_pass 127.0.0.1:%%PORT_long%%; }
    server { listen 127.0.0.1:%%PORT_up_unknown%%; proxy_ssl on; proxy_ssl_session_reuse off; proxy_ssl_verify on; proxy_ssl_name gate.test; proxy_ssl_trusted_certificate %%STRANGER%%; proxy_pass 127.0.0.1:%%PORT_says%%; }
    server { listen 127.0.0.1:%%PORT_long%% ssl; ssl_certificate %%DEEP2%%; ssl_certificate_key %%DEEP2%%; return x; }
}
"""
TOO_LONG: Final = "(22:certificate chain too long|20:unable to get local issuer certificate)"
UNKNOWN: Final = "(20:unable to get local issuer certificate|21:unable to verify the first certificate)"
"""Penstock names the first error, nginx the last."""


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> list[Path]:
    """PEM files of a key and its chain, with 0, 1 and 2 authorities below the one that is trusted."""
    directory = tmp_path_factory.mktemp("chains")
    made = []
    issuer = authority.ca
    for depth in range(3):
        file = directory / f"{depth}.pem"
        issuer.issue_cert("leaf.test").private_key_and_cert_chain_pem.write_to_path(str(file))
        made.append(file)
        issuer = issuer.create_child_ca()
    return made


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Authority, chains: list[Path]
) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("openssl")
    for name, length in (("new80", 80), ("old48", 48), ("other48", 48)):
        (directory / f"{name}.key").write_bytes(bytes(sum(map(ord, name)) * (at + 1) % 251 for at in range(length)))
    (directory / "shown.pem").write_bytes(authority.file.read_bytes())
    pair, other = authority.issue("gate.test"), authority.issue("other.test")
    with oracle(
        request.param, directory, CONFIG,
        CRT=pair.crt, KEY=pair.key, CA=authority.file, OTHER_CRT=other.crt, OTHER_KEY=other.key, DEEP2=chains[2],
        STRANGER=Authority(directory).file,
    ) as daemon:  # fmt: skip
        yield daemon


def said(running: Daemon, port: str, context: ssl.SSLContext, session: Any = None) -> bytes:
    """What a server answers to a handshake that succeeds."""
    with context.wrap_socket(connect(running.port(port)), session=session) as client:
        return read_all(client)


def shown(file: Path, **versions: TLSVersion) -> ssl.SSLContext:
    """A client with a certificate."""
    context = careless(**versions)
    context.load_cert_chain(file)
    return context


def refused(running: Daemon, port: str, context: ssl.SSLContext) -> bool:
    """Whether a client gets nothing, in the handshake (Penstock) or after it (nginx)."""
    try:
        with connect_tls(running.port(port), context) as client:
            return ended_without_a_byte(client)
    except (ssl.SSLError, ConnectionError):
        return True


# chains


@pytest.mark.parametrize(
    ("port", "authorities", "good"),
    [
        ("depth_default", 0, True),
        ("depth_default", 1, True),
        ("depth_default", 2, False),
        ("depth_0", 0, True),
        ("depth_0", 1, False),
        ("depth_2", 2, True),
    ],
)
def test_ssl_verify_depth_bounds_a_clients_chain(
    running: Daemon, chains: list[Path], port: str, authorities: int, good: bool
) -> None:
    context = shown(chains[authorities])
    if good:
        assert said(running, port, context) == b"SUCCESS"
    else:
        assert refused(running, port, context)
        running.logged(rf"client SSL certificate verify error: \({TOO_LONG}\) while SSL handshaking")


@pytest.mark.parametrize(("port", "good"), [("up_depth_0", False), ("up_depth_2", True)])
def test_proxy_ssl_verify_depth_bounds_an_upstreams_chain(running: Daemon, port: str, good: bool) -> None:
    with connect(running.port(port)) as client:
        assert read_all(client) == (b"x" if good else b"")
    if not good:
        running.logged(rf"upstream SSL certificate verify error: \({TOO_LONG}\)")


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_optional_no_ca_lets_unknown_authorities_in_and_says_so(
    running: Daemon, chains: list[Path], version: TLSVersion
) -> None:
    context = shown(chains[0], maximum_version=version)
    assert re.match(rb"FAILED:unable to verify the first certificate .*O=", said(running, "no_ca", context))
    assert said(running, "some_ca", context) == b"SUCCESS"
    assert (
        said(running, "some_ca", shown(chains[2], maximum_version=version))
        == b"FAILED:unable to get local issuer certificate"
    )
    assert said(running, "no_ca", careless(maximum_version=version)) == b"NONE "


def test_optional_no_ca_still_refuses_an_expired_certificate(running: Daemon, authority: Authority) -> None:
    context = careless()
    context.load_cert_chain(*authority.issue("client.test", expired=True))
    assert refused(running, "some_ca", context)
    running.logged(r"client SSL certificate verify error: \(10:certificate has expired\) while SSL handshaking")


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_a_client_of_an_unknown_authority_is_refused(running: Daemon, tmp_path: Path, version: TLSVersion) -> None:
    stranger = careless(maximum_version=version)
    stranger.load_cert_chain(*Authority(tmp_path).issue("client.test"))
    assert refused(running, "depth_2", stranger)
    running.logged(rf"client SSL certificate verify error: \({UNKNOWN}\) while SSL handshaking")


def test_an_upstream_of_an_unknown_authority_is_refused(running: Daemon) -> None:
    with connect(running.port("up_unknown")) as client:
        assert read_all(client) == b""
    running.logged(rf"upstream SSL certificate verify error: \({UNKNOWN}\) while SSL handshaking to upstream")


@requires("openssl")
def test_clients_are_shown_the_names_of_ssl_client_certificate(running: Daemon) -> None:
    for port in ("depth_default", "some_ca", "ca_file"):
        told = s_client(running.port(port), "-tls1_2", until="Client Certificate Types")
        assert re.search(r"Acceptable client certificate CA names\n.*trustme", told)
    assert "No client certificate CA names sent" in s_client(running.port("no_ca"), "-tls1_2", until="bytes")


# sessions


@requires("openssl")
@pytest.mark.parametrize(("port", "hint"), [("hint_default", 300), ("hint_77", 77)])
@pytest.mark.parametrize("flag", ["-tls1_2", "-tls1_3"])
def test_ssl_session_timeout_is_the_life_of_a_ticket(running: Daemon, port: str, hint: int, flag: str) -> None:
    told = s_client(running.port(port), flag, until="ticket lifetime", close=False)
    assert f"TLS session ticket lifetime hint: {hint} (seconds)" in told


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("first", "second", "resumed"),
    [
        ("new_key", "new_only", True),
        ("new_only", "new_key", True),
        ("old_key", "new_key", True),
        ("new_key", "old_key", False),
        ("old_key", "other_key", False),
        ("new_only", "other_crt", False),
        ("new_only", "strict", False),
        ("hint_default", "hint_77", False),
        ("none", "none", False),
        ("off", "off", False),
        ("builtin", "builtin", True),
        ("shared", "shared", True),
        ("ticket_off", "ticket_off", True),
    ],
)
def test_where_a_session_resumes(running: Daemon, version: TLSVersion, first: str, second: str, resumed: bool) -> None:
    context = careless(maximum_version=version)
    session = begun(running, first, context)
    if second == "strict":
        assert refused(running, second, context)
    else:
        assert said(running, second, context, session) == (b"r" if resumed else b".")


def begun(running: Daemon, port: str, context: ssl.SSLContext) -> ssl.SSLSession | None:
    with context.wrap_socket(connect(running.port(port))) as client:
        read_all(client)
        session = client.session
        with contextlib.suppress(OSError):
            client.unwrap()  # OpenSSL forgets sessions of connections that end otherwise
        return session


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_a_session_of_an_old_key_gets_a_ticket_of_the_new_one(running: Daemon, version: TLSVersion) -> None:
    context = careless(maximum_version=version)
    session = begun(running, "old_key", context)
    with context.wrap_socket(connect(running.port("new_key")), session=session) as client:
        assert read_all(client) == b"r"
        renewed = client.session
    assert said(running, "new_only", context, renewed) == b"r"


# curves and ciphers


@requires("openssl")
@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        ("P-384:X25519", "secp384r1 secp384r1:X25519"),
        ("P-521:X25519", "X25519 secp521r1:X25519"),
        ("ffdhe2048:X25519", "X25519 ffdhe2048:X25519"),
    ],
)
def test_curves_by_order_and_by_name(running: Daemon, offered: str, answer: str) -> None:
    assert f"\n{answer}" in s_client(running.port("curves"), "-curves", offered, close=False)


@requires("openssl")
@pytest.mark.parametrize(
    ("flags", "answer"),
    [
        (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
        (("-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"), "TLS_AES_128_GCM_SHA256:TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
    ],
)  # fmt: skip
def test_ciphers_by_name(running: Daemon, flags: tuple[str, ...], answer: str) -> None:
    assert f"\n{answer}" in s_client(running.port("ciphers"), *flags, close=False)


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_what_is_known_of_a_resumed_session(running: Daemon, version: TLSVersion) -> None:
    context = careless(maximum_version=version)
    again = said(running, "curves", context, begun(running, "curves", context))
    assert again.startswith(b"X25519 X25519:prime256v1:" if version is TLSVersion.TLSv1_3 else b"X25519 ")
    assert again.endswith(b" ") == (version is TLSVersion.TLSv1_2)


# commands


def test_commands_of_openssl_overrule(running: Daemon) -> None:
    assert said(running, "suites", careless()) == b"TLS_CHACHA20_POLY1305_SHA256"
    assert said(running, "min", careless()) == b"TLSv1.3"
    assert refused(running, "min", careless(maximum_version=TLSVersion.TLSv1_2))


def test_commands_of_openssl_towards_upstreams(running: Daemon) -> None:
    with connect(running.port("up_13")) as client:
        assert read_all(client) == b"TLSv1.2"
