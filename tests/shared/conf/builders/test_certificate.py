"""`certificate {}`."""

from __future__ import annotations

import pytest
from builds import gateway, mistake, pair_files

from penstock.shared.model.stream import Certificate

FILES = {**pair_files("a"), **pair_files("b"), **pair_files("r", "rsa")}


def certificates(text: str) -> tuple[Certificate, ...]:
    return gateway(text, FILES).certificates


def block(stem: str, snis: str = "") -> str:
    """A `certificate {}` of that pair."""
    return f"certificate {{ {snis} ssl_certificate {stem}.crt; ssl_certificate_key {stem}.key; }}"


def two_pairs(other: str) -> str:
    """A `certificate {}` of `a` and another pair."""
    return block("a", f"ssl_certificate {other}.crt; ssl_certificate_key {other}.key;")


def test_names_and_a_pair() -> None:
    (found,) = certificates(block("a", "snis A.test. *.b.test *;"))
    assert found.snis == ("a.test", "*.b.test", "*")
    assert [pair.subject for pair in found.pairs] == ["CN=a.test"]


def test_without_names_it_is_the_default() -> None:
    assert certificates(block("a"))[0].snis == ()


def test_a_pair_for_each_type_of_key() -> None:
    assert [pair.subject for pair in certificates(two_pairs("r"))[0].pairs] == ["CN=r.test", "CN=a.test"]


def test_two_keys_of_one_type() -> None:
    assert "has a key of the same type as" in mistake(two_pairs("b"), FILES).text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("certificate { snis a.test; }", 'no "ssl_certificate" is defined for the certificate'),
        ("certificate { ssl_certificate a.crt; }", 'no "ssl_certificate_key" is defined for certificate "a.crt"'),
        (
            "ssl_certificate_key a.key; certificate { ssl_certificate a.crt; }",
            'no "ssl_certificate_key" is defined for certificate "a.crt"',
        ),
        (block("a") + block("b"), "there is a default certificate already"),
        (block("a", "snis x.test;") + block("b", "snis y.test X.test;"), 'SNI "x.test" has a certificate already'),
        (block("a", "snis x.test x.test.;"), 'SNI "x.test" has a certificate already'),
        (block("a", "snis 10.0.0.1;"), 'invalid SNI "10.0.0.1": must not be an IP'),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    assert mistake(text, FILES).text == complaint


def test_a_second_default_names_the_first() -> None:
    assert mistake(block("a") + "\n" + block("b"), FILES).hint == "the first is at /etc/penstock/penstock.conf:1"


def test_the_default_may_be_written_as_in_nginx() -> None:
    text = "stream_listen 1; ssl_certificate a.crt; ssl_certificate_key a.key;"
    named, default = certificates(text + block("b", "snis b.test;"))
    assert (named.snis, default.snis, default.pairs[0].subject) == (("b.test",), (), "CN=a.test")


@pytest.mark.parametrize("listen", ["", "stream_listen 1 plain;"])
def test_nginx_s_way_is_left_unread_where_the_gateway_ends_no_tls(listen: str) -> None:
    assert certificates(f"{listen} ssl_certificate nope; ssl_certificate_key nope;") == ()
