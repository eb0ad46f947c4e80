"""Directives that need OpenSSL's own interface."""

from __future__ import annotations

import pytest
from builds import DIRECTORY, PREFIX, mistake, pair_files, settings, stream, warnings

from penstock.shared.conf.builders import openssl, tls
from penstock.shared.model.tls import ConfCommand, ServerTls, UpstreamTls

PAIR = "ssl_certificate a.crt; ssl_certificate_key a.key;"
FILES = pair_files() | {"48": bytes(48), "80": bytes(80), "47": bytes(47)}


def server_tls(text: str, before: str = "") -> ServerTls:
    """The settings of a server that terminates TLS."""
    return stream(f"{before} server {{ listen 1 ssl; return x; {PAIR} {text} }}", FILES).servers[0].settings.tls


def tls_mistake(text: str) -> str:
    return mistake(f"server {{ listen 1 ssl; return x; {PAIR} {text} }}", FILES).text


def upstream_tls(text: str) -> UpstreamTls:
    return settings(f"proxy_ssl on; {text}", files=FILES).upstream_tls


def test_ticket_keys_are_read_in_their_order() -> None:
    assert server_tls("ssl_session_ticket_key 80; ssl_session_ticket_key 48;").ticket_keys == (bytes(80), bytes(48))
    assert server_tls("ssl_session_ticket_key 80;", "ssl_session_ticket_key 48;").ticket_keys == (bytes(80),)
    assert repr(bytes(48)) not in repr(server_tls("ssl_session_ticket_key 48;"))


def test_ticket_keys_are_not_read_where_nothing_is_terminated() -> None:
    assert settings("ssl_session_ticket_key nope;").tls.ticket_keys == ()


@pytest.mark.parametrize("curves", ["auto", "prime256v1", "X25519:P-256:secp521r1", "ffdhe2048"])
def test_curves_that_openssl_knows(curves: str) -> None:
    assert server_tls(f"ssl_ecdh_curve {curves};").ecdh_curve == curves


def test_commands_and_the_files_they_name() -> None:
    found = server_tls("ssl_conf_command MinProtocol TLSv1.3; ssl_conf_command Certificate a.crt;").conf_commands
    assert found == (
        ConfCommand("MinProtocol", "TLSv1.3"),
        ConfCommand("Certificate", f"{DIRECTORY}/a.crt", pair_files()["a.crt"]),
    )
    assert [command.where.column for command in found] == sorted(command.where.column for command in found)
    assert upstream_tls("proxy_ssl_conf_command Protocol -TLSv1.3;").conf_commands == (
        ConfCommand("Protocol", "-TLSv1.3"),
    )


def test_the_same_command_in_two_places_is_one_setting() -> None:
    servers = "".join(f"server {{ listen {n} ssl; return x; {PAIR} ssl_conf_command Curves P-256; }}" for n in (1, 2))
    one, two = stream(servers, FILES).servers
    assert one.settings.tls == two.settings.tls


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ssl_session_ticket_key 47;", f'"{DIRECTORY}/47" must be 48 or 80 bytes'),
        ("ssl_session_ticket_key nope;", f'open() "{DIRECTORY}/nope" failed (2: No such file or directory)'),
        (
            "ssl_ecdh_curve a:b;",
            'SSL_CTX_set1_curves_list("a:b") failed '
            "(SSL: error:0A080106:SSL routines::passed invalid argument:group 'a' cannot be set)",
        ),
        ("ssl_ecdh_curve '';", 'SSL_CTX_set1_curves_list("") failed'),
        (
            "ssl_conf_command Foo bar;",
            'SSL_CONF_cmd("Foo", "bar") failed (SSL: error:0A000182:SSL routines::unknown cmd name:cmd=Foo)',
        ),
        (
            "ssl_conf_command Certificate nope;",
            f'SSL_CONF_cmd("Certificate", "{DIRECTORY}/nope") failed (2: No such file or directory)',
        ),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    assert tls_mistake(text) == complaint


def test_a_mistake_in_a_file_names_the_file_that_was_written() -> None:
    text = tls_mistake("ssl_conf_command PrivateKey a.crt;")
    assert text.startswith(f'SSL_CONF_cmd("PrivateKey", "{DIRECTORY}/a.crt") failed (SSL: ')
    assert "/proc" not in text


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("off", None),
        ("none", 0),
        ("builtin", 20480),
        ("builtin:1000", 1000),
        ("shared:a:1m", 4002),
        ("builtin:1000 shared:a:1m", 5002),
        ("off shared:a:1m", None),
        ("shared:a:1m none", 0),
    ],
)
def test_how_many_sessions_are_remembered(words: str, size: int | None) -> None:
    assert server_tls(f"ssl_session_cache {words};").session_cache == size


def test_no_cache_is_written_as_none() -> None:
    assert server_tls("").session_cache == 0


def test_secrets_are_logged_under_the_prefix() -> None:
    assert settings("ssl_key_log keys;").tls.key_log == f"{PREFIX}/keys"
    assert settings('ssl_key_log "";', "ssl_key_log keys;").tls.key_log == ""
    assert upstream_tls("").key_log == ""


# a Python that does not let us at OpenSSL


@pytest.fixture
def unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (openssl, tls):
        monkeypatch.setattr(module, "unavailable", lambda: "its OpenSSL is hidden")


@pytest.mark.usefixtures("unavailable")
@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("ssl_session_ticket_key 48;", '"ssl_session_ticket_key"'),
        ("ssl_session_timeout 1m;", '"ssl_session_timeout"'),
        ("ssl_verify_depth 1;", '"ssl_verify_depth"'),
        ("ssl_conf_command Curves P-256;", '"ssl_conf_command"'),
        ("ssl_ecdh_curve X25519:P-256;", '"ssl_ecdh_curve" with several curves'),
        ("ssl_verify_client optional_no_ca;", '"ssl_verify_client optional_no_ca"'),
        ("proxy_ssl on; proxy_ssl_verify_depth 1;", '"proxy_ssl_verify_depth"'),
        ("proxy_ssl on; proxy_ssl_conf_command Curves P-256;", '"proxy_ssl_conf_command"'),
    ],
)
def test_what_cannot_be_done_is_refused_where_it_is_written(text: str, what: str) -> None:
    assert tls_mistake(text) == f"{what} is not available with this Python (its OpenSSL is hidden)"


@pytest.mark.usefixtures("unavailable")
def test_kongs_depth_is_refused_too() -> None:
    error = mistake("stream_listen 1; service s { url tls://h.test:1; tls_verify_depth 1; }")
    assert error.text == '"tls_verify_depth" is not available with this Python (its OpenSSL is hidden)'


@pytest.mark.usefixtures("unavailable")
def test_what_has_an_effect_elsewhere_only_is_warned_about() -> None:
    assert warnings("server { listen 1; return x; ssl_session_cache shared:a:1m; }") == [
        '"ssl_session_cache" is ignored: not available with this Python (its OpenSSL is hidden)'
    ]


@pytest.mark.usefixtures("unavailable")
def test_the_rest_still_works() -> None:
    assert server_tls("ssl_ecdh_curve prime256v1;").ecdh_curve == "prime256v1"
