"""Names against certificates: RFC 9525's rules, first on plain values, then on real certificates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from certs import Authority
from handshake import filled, key_pair, meet

from penstock.shared.model.tls import ServerTls, UpstreamTls
from penstock.shared.tls_contexts import upstream_context
from penstock.worker.name_match import matches


def certificate(*alternatives: tuple[str, str], common_names: Sequence[str] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {"subject": tuple(((("commonName", name)),) for name in common_names)}
    if alternatives:
        found["subjectAltName"] = alternatives
    return found


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("a.example", "a.example"),
        ("A.Example", "a.EXAMPLE"),
        ("a.example", "a.example."),
        ("*.a.example", "b.a.example"),
        ("localhost", "localhost"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("*.example.org", "xn--bcher-kva.example.org"),
        ("under_score.example", "under_score.example"),
    ],
)
def test_a_name_that_is_covered(pattern: str, name: str) -> None:
    assert matches(certificate(("DNS", pattern)), name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("a.example", "b.example"),
        ("a.example", "a.example.org"),
        ("*.a.example", "a.example"),
        ("*.a.example", "c.b.a.example"),
        ("*.a.example", ".a.example"),
        ("*.example", "a.example"),
        ("*", "localhost"),
        ("b*.a.example", "bc.a.example"),
        ("a.*.example", "a.b.example"),
        ("*.*.a.example", "c.b.a.example"),
        ("a.example\0.evil", "a.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("", ""),
        ("a.example", ""),
    ],
)
def test_a_name_that_is_not_covered(pattern: str, name: str) -> None:
    assert not matches(certificate(("DNS", pattern)), name)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("2001:DB8:0:0:0:0:0:1", "[2001:db8::1]"),
    ],
)
def test_an_address_is_compared_as_an_address(written: str, name: str) -> None:
    assert matches(certificate(("IP Address", written)), name)
    assert not matches(certificate(("IP Address", written)), "127.0.0.2")


def test_an_address_is_no_name() -> None:
    assert not matches(certificate(("DNS", "*.0.0.1"), common_names=["127.0.0.1"]), "127.0.0.1")
    assert not matches(certificate(common_names=["127.0.0.1"]), "127.0.0.1")


def test_the_common_name_counts_only_without_alternative_names() -> None:
    assert matches(certificate(common_names=["a.example"]), "a.example")
    assert not matches(certificate(("DNS", "b.example"), common_names=["a.example"]), "a.example")
    assert not matches(certificate(("IP Address", "127.0.0.1"), common_names=["a.example"]), "a.example")


def test_any_of_several_names_will_do() -> None:
    assert matches(certificate(("DNS", "b.example"), ("email", "x@y"), ("DNS", "a.example")), "a.example")


def test_a_certificate_that_was_not_verified_matches_nothing() -> None:
    assert not matches({}, "a.example")


def test_real_certificates_are_matched_without_sending_the_name(authority: Authority) -> None:
    verifying = upstream_context(UpstreamTls(verify=True, trusted_ca=authority.file.read_bytes()))
    for issued, name, other in (
        ("a.example", "a.example", "b.example"),
        ("*.wild.example", "b.wild.example", "c.b.wild.example"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("::1", "::1", "::2"),
    ):
        met = meet(filled(ServerTls(pairs=(key_pair(authority, issued),))), verifying)
        found = met.client.getpeercert()
        assert found is not None
        assert matches(found, name)
        assert not matches(found, other)
