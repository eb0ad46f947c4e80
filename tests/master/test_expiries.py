"""Until when the certificates of records are valid."""

from __future__ import annotations

from certs import Authority
from record_making import certificate, identity

from penstock.master.expiries import Expiries
from penstock.shared.live.records import Records


def test_certificates_are_told_for_as_long_as_they_are_there(authority: Authority) -> None:
    good, expired = authority.issue("a.test"), authority.issue("b.test", expired=True)
    c, d = identity("certificates", "c"), identity("certificates", "d")
    records = Records([("certificates", certificate("c", good.crt.read_text(), "K"))])
    expiries = Expiries(lambda: records)
    ((subject, source),) = expiries.now()
    assert source == f"certificates/{c}"
    assert subject
    records.put("certificates", d, certificate("d", expired.crt.read_text(), "K"))
    assert expiries.now() == expiries.now()
    assert {source: value for (_, source), value in expiries.now().items()}[f"certificates/{d}"] == 1609545600.0
    records.put("certificates", d, certificate("d", good.crt.read_text(), "K", cert_alt=expired.crt.read_text()))
    assert {source for _, source in expiries.now()} == {f"certificates/{c}", f"certificates/{d}"}
    records.put("certificates", c, None)
    records.put("certificates", d, None)
    assert expiries.now() == {}


def test_what_is_no_certificate_is_not_told() -> None:
    records = Records([("certificates", certificate("c", "nonsense", "K"))])
    assert Expiries(lambda: records).now() == {}
