"""The protocols that begin in clear."""

from __future__ import annotations

from penstock.shared.starttls.prologue import Stage
from penstock.shared.starttls.protocols import NOT_POSSIBLE, PROTOCOLS


def test_each_has_its_name() -> None:
    assert all(name == protocol.name for name, protocol in PROTOCOLS.items())
    assert not set(PROTOCOLS) & set(NOT_POSSIBLE)


def test_each_waits_for_its_client() -> None:
    for protocol in PROTOCOLS.values():
        front = protocol.front()
        assert front.step(b"").stage is Stage.MORE
        assert front.replay() == b""


def test_who_greets_takes_the_upstream_s_greeting() -> None:
    for protocol in PROTOCOLS.values():
        greets = bool(protocol.front().greeting)
        assert bool(protocol.back(False, b"")) is greets
