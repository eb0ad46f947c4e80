"""Penstock's own variables."""

from __future__ import annotations

from hellos import recorded
from viewed import Viewed

from penstock.shared.hello import ClientHello
from penstock.shared.sniff import sniff
from penstock.shared.variables_gateway import GETTERS


def values(session: Viewed) -> list[str | None]:
    return [GETTERS[name](session) for name in ("refusal", "route", "service", "sni")]


def test_what_was_decided_is_seen() -> None:
    session = Viewed(refusal="no_route", route_name="r", service_name="s")
    session.hello = ClientHello("A.Test.", (), 0x0303, ())
    assert values(session) == ["no_route", "r", "s", "a.test"]


def test_what_was_not_decided_is_not_found() -> None:
    assert values(Viewed()) == [None, None, None, None]


def test_a_hello_without_a_name_has_no_sni() -> None:
    assert values(Viewed(hello=ClientHello(None, (), 0x0303, ())))[3] is None


def test_fingerprints_are_read_off_a_hello_that_was_kept() -> None:
    found = sniff(next(each.data for each in recorded() if str(each) == "boringssl-curlcffi-firefox147"))
    session = Viewed(hello=found.hello)
    assert GETTERS["ja4"](session) is None
    assert found.hello is not None
    found.hello.body = found.body
    assert GETTERS["ja4"](session) == "t13d1717h2_5b57614c22b0_3cbfd9057e0d"
    assert GETTERS["ja3"](session) == "6f7889b9fb1a62a9577e685c1fcfa919"


def test_a_fingerprint_is_worked_out_once() -> None:
    session = Viewed(values={"ja4": "known"})
    assert GETTERS["ja4"](session) == "known"


def test_a_session_without_tls_has_no_fingerprint() -> None:
    assert GETTERS["ja3"](Viewed()) is None
