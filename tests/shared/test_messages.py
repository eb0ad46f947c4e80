from __future__ import annotations

import pytest

from penstock.shared.messages import MAX_MESSAGE, Verb, decode, encode


@pytest.mark.parametrize("verb", list(Verb))
def test_what_is_said_is_heard(verb: Verb) -> None:
    assert decode(encode(verb, "why: ü")) == (verb, "why: ü")


def test_a_verb_may_stand_alone() -> None:
    assert encode(Verb.READY) == bytes((Verb.READY,))
    assert decode(encode(Verb.READY)) == (Verb.READY, "")


def test_a_text_that_is_too_long_is_cut() -> None:
    message = encode(Verb.FAILED, "ä" * MAX_MESSAGE)
    assert len(message) == MAX_MESSAGE
    assert decode(message)[1].startswith("ä")


@pytest.mark.parametrize("message", [b"", b"\x00", b"\xff text"])
def test_what_is_no_message_raises(message: bytes) -> None:
    with pytest.raises(ValueError):
        decode(message)
