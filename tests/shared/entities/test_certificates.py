"""Certificates and authorities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from catalogs import Desk
from certs import Authority, Pair

from penstock.shared.entities.certificates import SAME_TYPE, digest
from penstock.shared.entities.violation import Violation

Body = dict[str, Any]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def text(path: Path) -> str:
    return path.read_text()


def body(pair: Pair, other: Pair | None = None) -> Body:
    found = {"cert": text(pair.crt), "key": text(pair.key)}
    return found if other is None else {**found, "cert_alt": text(other.crt), "key_alt": text(other.key)}


def test_the_shape_of_a_certificate(authority: Authority) -> None:
    sent = body(authority.issue("a.test"))
    made = Desk().post("certificates", {**sent, "snis": ["b.test", "a.test"]})
    del made["id"]
    assert made == {
        "created_at": 1790000000,
        "updated_at": 1790000000,
        **sent,
        "cert_alt": None,
        "key_alt": None,
        "tags": None,
        "snis": ["a.test", "b.test"],
    }


def test_two_pairs_of_different_types(authority: Authority) -> None:
    ecdsa, rsa = authority.issue("a.test"), authority.issue("a.test", rsa=True)
    assert Desk().post("certificates", body(ecdsa, rsa))["cert_alt"] == text(rsa.crt)


Wrong = Callable[[Authority], tuple[Body, Any]]
WRONG: dict[str, Wrong] = {
    "nothing": lambda _: ({}, {"cert": "required field missing", "key": "required field missing"}),
    "another key": lambda ca: (
        {**body(ca.issue("a.test")), "key": text(ca.issue("b.test").key)},
        {"@entity": ["certificate does not match key"]},
    ),
    "half a pair": lambda ca: (
        {**body(ca.issue("a.test")), "cert_alt": text(ca.issue("a.test", rsa=True).crt)},
        {"@entity": ["all or none of these fields must be set: 'cert_alt', 'key_alt'"]},
    ),
    "the same type": lambda ca: (body(ca.issue("a.test"), ca.issue("b.test")), {"@entity": [SAME_TYPE]}),
    "no PEM": lambda ca: (
        {**body(ca.issue("a.test")), "cert": "x"},
        {"cert": "invalid certificate: no start line: a PEM certificate is expected"},
    ),
}


@pytest.mark.parametrize("which", WRONG)
def test_what_a_certificate_cannot_be(which: str, authority: Authority) -> None:
    sent, fields = WRONG[which](authority)
    assert Desk().wrong("certificates", sent) == fields


@pytest.mark.parametrize("key", ["x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_bad_key_is_refused_without_showing_it(key: str, authority: Authority) -> None:
    wrong = Desk().wrong("certificates", {**body(authority.issue("a.test")), "key": key})
    assert wrong["key"].startswith("invalid key: ")
    assert "AAAA" not in wrong["key"]


def test_a_broken_certificate_is_refused(authority: Authority) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    wrong = Desk().wrong("certificates", {**body(authority.issue("a.test")), "cert": pem})
    assert wrong["cert"].startswith("invalid certificate: ")


def test_the_shape_of_an_authority(authority: Authority) -> None:
    pem = text(authority.file)
    made = Desk().post("ca_certificates", {"cert": pem})
    del made["id"]
    times = {"created_at": 1790000000, "updated_at": 1790000000}
    assert made == {**times, "cert": pem, "cert_digest": digest(pem), "tags": None}


def test_an_authority_has_no_name_to_be_made_under(authority: Authority) -> None:
    with pytest.raises(Violation) as raised:
        Desk().put("ca_certificates", "x", {"cert": text(authority.file)})
    assert raised.value.body["code"] == 1
    assert raised.value.message == "invalid primary key: '{id=\"x\"}'"


def test_an_authority_is_there_once(authority: Authority) -> None:
    desk = Desk()
    pem = text(authority.file)
    desk.post("ca_certificates", {"cert": pem})
    message = desk.refused("ca_certificates", {"cert": pem})["message"]
    assert message == f"UNIQUE violation detected on '{{cert_digest=\"{digest(pem)}\"}}'"


def test_what_an_authority_cannot_be(authority: Authority) -> None:
    pem = text(authority.file)
    leaf = text(authority.issue("a.test").crt)
    desk = Desk()
    assert desk.wrong("ca_certificates", {"cert": pem + pem}) == {
        "@entity": ["please submit only one certificate at a time"]
    }
    (said,) = desk.wrong("ca_certificates", {"cert": leaf})["@entity"]
    assert said == 'certificate does not appear to be a CA because it is missing the "CA" basic constraint'


def test_an_authority_whose_time_is_over(authority: Authority) -> None:
    desk = Desk()
    desk.now = 1e12
    (said,) = desk.wrong("ca_certificates", {"cert": text(authority.file)})["@entity"]
    assert said == 'certificate expired, "Not After" time is in the past'


def test_an_authority_stays_while_a_service_trusts_it(authority: Authority) -> None:
    desk = Desk()
    made = desk.post("ca_certificates", {"cert": text(authority.file)})["id"]
    service = desk.post("services", {"name": "s", "url": "tls://a.test:1", "ca_certificates": [made]})["id"]
    with pytest.raises(Exception, match=f"ca certificate {made} is still referenced by services") as raised:
        desk.delete("ca_certificates", made)
    assert raised.value.body["code"] == 19  # type: ignore[attr-defined]  # a Violation
    desk.delete("services", service)
    desk.delete("ca_certificates", made)
