"""LDAP's StartTLS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.shared.starttls.ldap import REQUEST, LdapFront, answered, back
from penstock.shared.starttls.prologue import Refused, Stage

BIND = bytes.fromhex("300c020101600702010304008000")
"""An anonymous bind."""
DONE = bytes.fromhex("300c02010178070a010004000400")


def test_start_tls_is_answered_with_success() -> None:
    step = LdapFront().step(REQUEST)
    assert (step.stage, step.consumed, step.reply) == (Stage.TLS, len(REQUEST), DONE)


def test_the_answer_carries_the_message_s_own_number() -> None:
    request = REQUEST.replace(b"\x02\x01\x01", b"\x02\x01\x63")
    assert LdapFront().step(request).reply[2:5] == b"\x02\x01\x63"


@pytest.mark.parametrize("data", [BIND, REQUEST.replace(b"20037", b"20036")])
def test_other_requests_stay_in_clear(data: bytes) -> None:
    step = LdapFront().step(data)
    assert (step.stage, step.consumed) == (Stage.PLAIN, 0)


def test_direct_tls() -> None:
    assert LdapFront().step(b"\x16").stage is Stage.TLS


def test_a_request_that_is_not_whole_is_waited_for() -> None:
    for cut in range(len(REQUEST)):
        assert LdapFront().step(REQUEST[:cut]).stage is Stage.MORE


@pytest.mark.parametrize("data", [b"GET /", b"\x30\x85", b"\x30\x84\xff\xff\xff\xff", REQUEST + b"\x16"])
def test_what_is_refused(data: bytes) -> None:
    assert LdapFront().step(data).stage is Stage.BROKEN


@given(st.binary(max_size=60))
def test_no_bytes_are_too_much(data: bytes) -> None:
    assert LdapFront().step(b"\x30" + data).consumed <= len(data) + 1


def test_the_upstream_is_asked() -> None:
    (exchange,) = back(True, b"")
    assert exchange.send == REQUEST
    assert exchange.end(DONE) == len(DONE)
    assert exchange.end(DONE[:-1]) is None
    assert back(False, b"") == ()


@pytest.mark.parametrize("data", [DONE.replace(b"\x0a\x01\x00", b"\x0a\x01\x35"), b"HTTP/1.1 400", b"\x30\x00"])
def test_an_upstream_that_refuses(data: bytes) -> None:
    with pytest.raises(Refused, match="upstream"):
        answered(data)
