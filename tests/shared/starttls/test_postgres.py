"""PostgreSQL's way to TLS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.shared.starttls.postgres import (
    CANCEL,
    GSSENC_REQUEST,
    HEAD,
    SSL_REQUEST,
    PostgresFront,
    answered,
    back,
)
from penstock.shared.starttls.prologue import Refused, Stage

STARTUP = HEAD.pack(41, 0x30000) + b"user\0me\0database\0d\0\0"


def test_who_asks_for_tls_gets_it() -> None:
    step = PostgresFront().step(SSL_REQUEST)
    assert (step.stage, step.consumed, step.reply) == (Stage.TLS, 8, b"S")


def test_who_asks_for_gssapi_is_told_no_and_may_ask_for_tls() -> None:
    front = PostgresFront()
    step = front.step(GSSENC_REQUEST)
    assert (step.stage, step.consumed, step.reply) == (Stage.MORE, 8, b"N")
    assert front.step(b"").stage is Stage.MORE
    assert front.step(SSL_REQUEST).stage is Stage.TLS


def test_gssapi_is_asked_for_once() -> None:
    front = PostgresFront()
    front.step(GSSENC_REQUEST)
    assert front.step(GSSENC_REQUEST).stage is Stage.BROKEN


@pytest.mark.parametrize("packet", [STARTUP, HEAD.pack(16, CANCEL) + b"\0" * 8, HEAD.pack(9, 0x30002)])
def test_other_first_packets_stay_in_clear_and_untouched(packet: bytes) -> None:
    step = PostgresFront().step(packet)
    assert (step.stage, step.consumed, step.reply) == (Stage.PLAIN, 0, b"")


def test_direct_tls_needs_no_prologue() -> None:
    step = PostgresFront().step(b"\x16\x03\x01")
    assert (step.stage, step.consumed, step.reply) == (Stage.TLS, 0, b"")


def test_bytes_smuggled_behind_the_request_are_refused() -> None:
    assert PostgresFront().step(SSL_REQUEST + b"\x16").stage is Stage.BROKEN


@pytest.mark.parametrize("data", [b"GET / HT", b"\x01", HEAD.pack(8, 1), HEAD.pack(20000, 0x30000)])
def test_what_is_no_postgresql(data: bytes) -> None:
    step = PostgresFront().step(data)
    assert step.stage is Stage.BROKEN
    assert step.reason


def test_a_request_that_is_not_whole_is_waited_for() -> None:
    for cut in range(len(SSL_REQUEST)):
        assert PostgresFront().step(SSL_REQUEST[:cut]).stage is Stage.MORE


@given(st.binary(max_size=40))
def test_no_bytes_are_too_much(data: bytes) -> None:
    step = PostgresFront().step(data)
    assert step.consumed <= len(data)


def test_the_upstream_is_asked_only_for_tls() -> None:
    assert back(False, b"") == ()
    (exchange,) = back(True, b"")
    assert exchange.send == SSL_REQUEST
    assert (exchange.end(b""), exchange.end(b"S")) == (None, 1)


@pytest.mark.parametrize("data", [b"N", b"E\0\0\0\5x", b"S\x16", b"x"])
def test_an_upstream_that_refuses(data: bytes) -> None:
    with pytest.raises(Refused, match="upstream"):
        answered(data)
