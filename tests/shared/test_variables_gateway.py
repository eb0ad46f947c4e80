"""Penstock's own variables."""

from __future__ import annotations

from viewed import Viewed

from penstock.shared.hello import ClientHello
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
