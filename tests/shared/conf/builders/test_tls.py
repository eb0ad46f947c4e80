"""`ssl_*` and `proxy_ssl_*`."""

from __future__ import annotations

import pytest
from builds import DIRECTORY, mistake, pair_files, server_mistake, settings, stream, warnings

from penstock.shared.model.tls import ServerTls, UpstreamTls

PAIR = "ssl_certificate a.crt; ssl_certificate_key a.key;"


def server_tls(text: str, before: str = "") -> ServerTls:
    """The settings of a server that terminates TLS."""
    files = pair_files() | pair_files("r", "rsa")
    return stream(f"{before} server {{ listen 1 ssl; return x; {text} }}", files).servers[0].settings.tls


def tls_mistake(text: str, before: str = "") -> str:
    """The complaint about such a server."""
    files = pair_files() | pair_files("r", "rsa")
    return mistake(f"{before} server {{ listen 1 ssl; return x; {text} }}", files).text


def upstream_tls(text: str, before: str = "") -> UpstreamTls:
    return settings(text, before, pair_files()).upstream_tls


def test_nginx_s_defaults() -> None:
    assert server_tls(PAIR) == ServerTls(pairs=server_tls(PAIR).pairs)
    assert upstream_tls("") == UpstreamTls()


def test_what_clients_meet() -> None:
    found = server_tls(
        PAIR + "ssl_protocols TLSv1.3; ssl_ciphers HIGH; ssl_prefer_server_ciphers on; ssl_ecdh_curve prime256v1; "
        "ssl_session_tickets off; ssl_session_timeout 1h; ssl_alpn h2 http/1.1; ssl_verify_depth 3; "
        "ssl_verify_client optional; ssl_client_certificate a.crt; ssl_trusted_certificate r.crt;"
    )
    assert (found.protocols, found.ciphers, found.prefer_server_ciphers) == (frozenset({"TLSv1.3"}), "HIGH", True)
    assert (found.ecdh_curve, found.session_tickets, found.session_timeout) == ("prime256v1", False, 3600.0)
    assert (found.alpn, found.verify_depth, found.verify_client) == (("h2", "http/1.1"), 3, "optional")
    assert (found.client_ca, found.trusted_ca) == (pair_files()["a.crt"], pair_files("r", "rsa")["r.crt"])


def test_several_pairs_of_several_types() -> None:
    found = server_tls(PAIR + "ssl_certificate r.crt; ssl_certificate_key r.key;")
    assert [pair.subject for pair in found.pairs] == ["CN=a.test", "CN=r.test"]


def test_certificates_and_keys_are_inherited_apart_from_each_other() -> None:
    (pair,) = server_tls("ssl_certificate a.crt;", before="ssl_certificate_key a.key;").pairs
    assert pair.key_path == f"{DIRECTORY}/a.key"


def test_files_of_a_server_without_ssl_are_not_read() -> None:
    assert settings(f"{PAIR} ssl_client_certificate nope; proxy_ssl_trusted_certificate nope;").tls.pairs == ()


def test_the_authorities_for_clients_are_read_only_to_verify_them() -> None:
    assert server_tls(f"{PAIR} ssl_client_certificate nope;").client_ca is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ssl_certificate a.crt;", 'no "ssl_certificate_key" is defined for the "listen ... ssl" directive'),
        (
            PAIR + "ssl_certificate r.crt;",
            'no "ssl_certificate_key" is defined for certificate "r.crt" and the "listen ... ssl" directive',
        ),
        (PAIR + "ssl_verify_client on;", "no ssl_client_certificate for ssl_verify_client"),
        (PAIR + "ssl_ciphers nosuch;", 'SSL_CTX_set_cipher_list("nosuch") failed (no cipher match)'),
        (PAIR + "ssl_session_cache foo;", 'invalid session cache "foo"'),
        (PAIR + "ssl_session_cache shared:a:x;", 'invalid session cache "shared:a:x"'),
        (PAIR + "ssl_session_cache shared:a:1;", 'session cache "shared:a:1" is too small'),
        (PAIR + "ssl_protocols TLSv9;", 'invalid value "TLSv9"'),
        (PAIR + "ssl_protocols SSLv3;", '"ssl_protocols" leaves no version of TLS'),
        (PAIR + f"ssl_alpn {'x' * 256};", "protocol too long"),
    ],
)
def test_mistakes_of_servers(text: str, complaint: str) -> None:
    assert tls_mistake(text) == complaint


@pytest.mark.parametrize("cache", ["off", "none", "builtin", "builtin:1000 shared:a:1m", "shared:a:32k"])
def test_session_caches_that_nginx_takes(cache: str) -> None:
    assert server_tls(f"{PAIR} ssl_session_cache {cache};").pairs


def test_protocols_of_several_lines_add_up_as_in_nginx() -> None:
    text = "server { listen 1; return x; ssl_protocols TLSv1.2; ssl_protocols TLSv1.3; }"
    assert stream(text).servers[0].settings.tls.protocols == {"TLSv1.2", "TLSv1.3"}


def test_dead_and_repeated_protocols_are_warned_about() -> None:
    text = "server { listen 1; return x; ssl_protocols SSLv3 TLSv1.2 TLSv1.2; }"
    assert warnings(text) == ['duplicate value "TLSv1.2"', "SSLv2 and SSLv3 are ignored"]


def test_what_upstreams_meet() -> None:
    found = upstream_tls(
        "proxy_ssl on; proxy_ssl_certificate a.crt; proxy_ssl_certificate_key a.key; proxy_ssl_protocols TLSv1.2; "
        "proxy_ssl_ciphers HIGH; proxy_ssl_name $ssl_preread_server_name; proxy_ssl_server_name on; "
        "proxy_ssl_session_reuse off; proxy_ssl_verify on; proxy_ssl_verify_depth 2; "
        "proxy_ssl_trusted_certificate a.crt; proxy_ssl_alpn h2;"
    )
    assert found.pair is not None
    assert found.name is not None
    assert (found.on, found.pair.subject, found.name.source) == (True, "CN=a.test", "$ssl_preread_server_name")
    assert (found.protocols, found.ciphers, found.server_name) == (frozenset({"TLSv1.2"}), "HIGH", True)
    assert (found.session_reuse, found.verify, found.verify_depth) == (False, True, 2)
    assert (found.trusted_ca, found.alpn) == (pair_files()["a.crt"], ("h2",))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("proxy_ssl on; proxy_ssl_verify on;", "no proxy_ssl_trusted_certificate for proxy_ssl_verify"),
        (
            "proxy_ssl on; proxy_ssl_certificate a.crt;",
            'no "proxy_ssl_certificate_key" is defined for certificate "a.crt"',
        ),
        ("proxy_ssl_name $foo;", 'unknown "foo" variable'),
    ],
)
def test_mistakes_towards_upstreams(text: str, complaint: str) -> None:
    assert server_mistake(text, files=pair_files()).text == complaint


def test_verification_without_tls_asks_for_nothing() -> None:
    assert upstream_tls("proxy_ssl_verify on;").on is False


def test_an_inherited_client_certificate_can_be_taken_back() -> None:
    before = "proxy_ssl on; proxy_ssl_certificate a.crt; proxy_ssl_certificate_key a.key;"
    assert upstream_tls('proxy_ssl_certificate "";', before).pair is None
