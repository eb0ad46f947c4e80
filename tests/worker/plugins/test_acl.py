"""`acl`: lists by what the hello and the certificate say."""

from __future__ import annotations

import hashlib
import ssl
from typing import Any

import pytest
from certs import Authority
from clients import careless
from handshake import meet

from penstock.plugin_testing import StandIn, configured
from penstock.worker.plugins.acl import Acl

DER = b"a certificate"
SHA1 = hashlib.sha1(DER).hexdigest()
SHA256 = hashlib.sha256(DER).hexdigest()
TLS: dict[str, Any] = {
    "is_tls": True,
    "sni": "a.b.test",
    "alpn": ("h2", "http/1.1"),
    "tls_versions": ("TLSv1.3", "TLSv1.2"),
    "ja3": "0123456789abcdef",
    "ja4": "t13d1516h2_8daaf6152771_02713d6af862",
    "client_certificate": DER,
    "variables": {"ssl_client_s_dn": "CN=alice,O=Example"},
}


def asked(session: StandIn, **config: Any) -> str | None:
    """The reason why a session is refused."""
    plugin = configured(Acl, **config)
    plugin.configure()
    plugin.preread(session)
    return session.refused


@pytest.mark.parametrize(
    ("aspect", "fits", "other"),
    [
        ("sni", "A.b.test", "b.test"),
        ("sni", "*.test", "*.example"),
        ("alpn", "http/1.1", "mqtt"),
        ("ja3", "0123456789abcdef", "0123"),
        ("ja4", "t13d*", "t12d*"),
        ("tls_version", "TLSv1.3", "TLSv1.2"),
        ("subject", "CN=alice,*", "CN=bob,*"),
        ("fingerprint", SHA1.upper(), "00" * 20),
        ("fingerprint", ":".join(SHA256[at : at + 2] for at in range(0, 64, 2)), "00" * 32),
    ],
)
def test_each_aspect_denies_and_allows(aspect: str, fits: str, other: str) -> None:
    assert asked(StandIn(**TLS), deny={aspect: [fits]}) is not None
    assert asked(StandIn(**TLS), deny={aspect: [other]}) is None
    assert asked(StandIn(**TLS), allow={aspect: [other, fits]}) is None
    assert asked(StandIn(**TLS), allow={aspect: [other]}) is not None


def test_a_plain_session_has_nothing_that_an_allow_could_name() -> None:
    assert asked(StandIn(), allow={"sni": ["*"]}) == "SNI missing"
    assert asked(StandIn(), allow={"subject": ["*"]}) == "client certificate's subject missing"
    assert asked(StandIn(), deny={"sni": ["*"]}) is None


def test_no_tls_at_all_is_a_version() -> None:
    assert asked(StandIn(), deny={"tls_version": ["none"]}) == 'TLS version not allowed: "none"'
    assert asked(StandIn(**TLS), deny={"tls_version": ["none"]}) is None


def test_every_aspect_of_allow_has_to_fit_and_one_of_deny() -> None:
    assert asked(StandIn(**TLS), allow={"sni": ["*.test"], "alpn": ["h2"]}) is None
    assert asked(StandIn(**TLS), allow={"sni": ["*.test"], "alpn": ["mqtt"]}) == 'ALPN not allowed: "h2,http/1.1"'
    assert asked(StandIn(**TLS), deny={"sni": ["x"], "alpn": ["h2"]}) == 'ALPN not allowed: "h2"'


def test_denied_comes_before_allowed() -> None:
    assert asked(StandIn(**TLS), allow={"sni": ["*"]}, deny={"ja4": ["*"]}) == f'JA4 not allowed: "{TLS["ja4"]}"'


def test_a_refusal_is_denied_with_403_or_as_told() -> None:
    session = StandIn(**TLS)
    asked(session, deny={"sni": ["*"]})
    assert session.ended == {"word": "denied", "status": 403, "last": b""}
    session = StandIn(**TLS)
    assert asked(session, deny={"sni": ["*"]}, status=503, message="not today") == "not today"
    assert session.ended is not None
    assert session.ended["status"] == 503


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "'allow', 'deny'"),
        ({"allow": {}}, "at least one of these fields"),
        ({"deny": {"tls_version": ["SSLv3"]}}, "expected one of"),
        ({"deny": {"fingerprint": ["12:34"]}}, "invalid value: 12:34"),
        ({"deny": {"names": ["x"]}}, "unknown field"),
    ],
)
def test_mistakes_are_named(config: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        configured(Acl, **config)


def test_where_tls_ends_here_the_version_is_the_one_agreed_on(authority: Authority) -> None:
    old = careless(maximum_version=ssl.TLSVersion.TLSv1_2)
    session: dict[str, Any] = {**TLS, "tls": meet(authority.server("a.test"), old).server}
    assert asked(StandIn(**session), deny={"tls_version": ["TLSv1.3"]}) is None
    assert asked(StandIn(**session), deny={"tls_version": ["TLSv1.2"]}) == 'TLS version not allowed: "TLSv1.2"'
