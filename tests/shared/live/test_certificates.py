"""Certificates of records."""

from __future__ import annotations

from record_making import ca_certificate, certificate

from penstock.shared.live.certificates import authorities_of, certificate_of, pairs_of
from penstock.shared.model.tls import ServerTls
from penstock.shared.tls_contexts import context_key, gateway_tls


def test_both_pairs_are_offered() -> None:
    one, two = pairs_of(certificate("c", "A", "B", cert_alt="C", key_alt="D"))
    assert (one.certificate, one.key, two.certificate, two.key) == (b"A", b"B", b"C", b"D")
    assert len(pairs_of(certificate("c", "A", "B"))) == 1


def test_without_names_it_answers_nobody() -> None:
    assert certificate_of(certificate("c", "A", "B"), []) is None
    found = certificate_of(certificate("c", "A", "B"), ["A.test", "*"])
    assert found is not None
    assert found.snis == ("a.test", "*")


def test_another_content_is_another_context() -> None:
    keys = [context_key(gateway_tls(ServerTls(), pairs_of(certificate("c", text, "K")))) for text in ("A", "B", "A")]
    assert keys[0] == keys[2] != keys[1]


def test_authorities_are_one_text() -> None:
    assert authorities_of([ca_certificate("a", "A"), ca_certificate("b", "B\n")]) == b"A\nB\n"


def test_keys_stay_out_of_what_is_shown() -> None:
    assert "SECRET" not in repr(pairs_of(certificate("c", "A", "SECRET")))
