"""The Admin API's directives."""

from __future__ import annotations

import pytest
from builds import build, main_mistake, pair_files

from penstock.shared.model.operations import Admin, AdminAuth, Database
from penstock.shared.model.stream import Configuration

TOKENS = {**pair_files(), "token": b"# for operators\n0123456789abcdef\n\nfedcba9876543210\r\n", "short": b"abc\n"}


def admin(text: str) -> Admin:
    return build(text, TOKENS).main.admin


def test_without_any_of_it_there_is_no_admin_api() -> None:
    assert admin("") == Admin()
    assert admin("admin_listen off;") == Admin()


def test_with_an_address_there_is_a_store() -> None:
    found = admin("admin_listen 127.0.0.1:8001; admin_listen unix:/run/p.sock; admin_listen [::1]:8444 ssl;")
    assert [(str(listen.address), listen.ssl) for listen in found.listens] == [
        ("127.0.0.1:8001", False),
        ("unix:/run/p.sock", False),
        ("[::1]:8444", True),
    ]
    assert found.database.kind == "sqlite"
    assert found.database.target.endswith("/penstock.db")


@pytest.mark.parametrize(
    ("text", "kind", "target"),
    [
        ("database sqlite /x/y.db;", "sqlite", "/x/y.db"),
        ('database postgres "host=db password=secret";', "postgres", "host=db password=secret"),
        ("admin_listen 127.0.0.1:1; database off;", "off", ""),
        ("admin_listen 127.0.0.1:1; declarative_config a.crt;", "off", ""),
    ],
)
def test_stores(text: str, kind: str, target: str) -> None:
    found = admin(text).database
    assert (found.kind, found.target) == (kind, target)


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(Database("postgres", "password=secret"))
    assert "token" not in repr(AdminAuth(tokens=(b"0123",)))


def test_tokens_are_the_lines_of_a_file() -> None:
    found = admin("admin_listen 0.0.0.0:8001; admin_auth token_file token;")
    assert found.auth.tokens == (b"0123456789abcdef", b"fedcba9876543210")


def test_who_shows_a_certificate_may_come_from_outside() -> None:
    found = admin(
        "admin_listen 0.0.0.0:8001 ssl; admin_auth mtls a.crt; "
        "admin_ssl_certificate a.crt; admin_ssl_certificate_key a.key;"
    )
    assert found.auth.authorities
    assert [pair.subject for pair in found.pairs] != []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "admin_listen 0.0.0.0:8001;",
            '"admin_listen 0.0.0.0:8001" can be reached from outside, and "admin_auth" is not set',
        ),
        (
            "admin_listen 10.0.0.1:8001; admin_auth off;",
            '"admin_listen 10.0.0.1:8001" can be reached from outside, and "admin_auth" is off',
        ),
        (
            "admin_listen 127.0.0.1:1; admin_auth mtls a.crt;",
            '"admin_auth mtls" needs "ssl" on "admin_listen 127.0.0.1:1"',
        ),
        ("admin_listen localhost:1;", 'a numeric address is expected in "localhost:1" of the "admin_listen" directive'),
        ("admin_listen 127.0.0.1:1 tls;", 'invalid parameter "tls"'),
        ("admin_auth tokenfile x;", 'invalid value "tokenfile" in "admin_auth"'),
        ("admin_auth token_file;", '"admin_auth token_file" takes a file'),
        ("admin_auth off x;", '"admin_auth off" takes no file'),
        ("admin_auth token_file short;", '"short" holds a token of less than 16 bytes'),
        ("database mysql x;", 'invalid value "mysql" in "database"'),
        ("database postgres;", '"database postgres" takes a connection text'),
        ("database off x;", '"database off" takes nothing more'),
        ("database sqlite; declarative_config x;", '"declarative_config" with "database sqlite"'),
        (
            "admin_listen 127.0.0.1:1 ssl; admin_ssl_certificate a.crt;",
            '"admin_ssl_certificate" without "admin_ssl_certificate_key"',
        ),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    assert main_mistake(text, TOKENS).text == message


def test_a_token_is_never_in_a_message() -> None:
    assert "abc" not in str(main_mistake("admin_auth token_file short;", TOKENS))


def built(text: str) -> Configuration:
    return build(text, TOKENS)


def test_logs_are_under_the_prefix() -> None:
    found = built("admin_access_log logs/admin.log; admin_error_log off;").main.admin
    assert found.access_log.endswith("/logs/admin.log")
    assert found.error_log == ""
