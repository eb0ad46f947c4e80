"""Certificates whose names have variables, and `ssl_certificate_cache`."""

from __future__ import annotations

import pytest
from builds import mistake, settings, stream

from penstock.shared.model.tls import CertificateCache

NAMED = "ssl_certificate $ssl_server_name.crt; ssl_certificate_key $ssl_server_name.key;"


def server(text: str) -> str:
    """A server that ends TLS."""
    return f"server {{ listen 1 ssl; return x; {text} }}"


def test_they_are_left_to_the_worker() -> None:
    tls = stream(server(NAMED + "ssl_password_file pw;"), {"pw": "one\r\ntwo\n"}).servers[0].settings.tls
    (template,) = tls.templates
    assert tls.pairs == ()
    assert (template.certificate.source, template.key.source) == ("$ssl_server_name.crt", "$ssl_server_name.key")
    assert (template.base, template.passwords) == ("/etc/penstock", (b"one", b"two"))
    assert not template.may_be_empty


def test_the_upstream_s_too() -> None:
    tls = settings("proxy_ssl on; proxy_ssl_certificate $hostname; proxy_ssl_certificate_key k;").upstream_tls
    assert tls.pair is None
    assert tls.templates[0].may_be_empty


@pytest.mark.parametrize(
    ("text", "cache"),
    [
        ("", None),
        ("ssl_certificate_cache off;", None),
        ("ssl_certificate_cache max=7;", CertificateCache(7, 10, 60)),
        ("ssl_certificate_cache max=7 inactive=1m valid=2m;", CertificateCache(7, 60, 120)),
    ],
)
def test_the_cache(text: str, cache: CertificateCache | None) -> None:
    assert stream(server(NAMED + text)).servers[0].settings.tls.certificate_cache == cache


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ssl_certificate_cache valid=1s;", '"ssl_certificate_cache" must have the "max" parameter'),
        ("ssl_certificate_cache max=0;", 'invalid parameter "max=0"'),
        ("ssl_certificate_cache max=1 valid=x;", 'invalid parameter "valid=x"'),
        ("ssl_certificate_cache max=1 what;", 'invalid parameter "what"'),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    assert mistake(server(NAMED + text)).text == complaint
