"""`session-termination`: every session ends, in one of two ways."""

from __future__ import annotations

import pytest

from penstock.plugin_testing import StandIn, configured
from penstock.worker.plugins.session_termination import SessionTermination


def test_without_a_word_it_is_kongs_503() -> None:
    session = StandIn()
    configured(SessionTermination).preread(session)
    assert session.ended == {"word": "plugin", "status": 503, "last": b""}


def test_a_message_may_have_variables() -> None:
    session = StandIn(variables={"remote_addr": "192.0.2.1"})
    configured(SessionTermination, message="go away, $remote_addr\n", status=403).preread(session)
    assert session.ended == {"word": "plugin", "status": 403, "last": b"go away, 192.0.2.1\n"}


def test_200_is_a_success() -> None:
    session = StandIn()
    configured(SessionTermination, message="220 hello\r\n", status=200).preread(session)
    assert session.ended == {"word": "", "status": 200, "last": b"220 hello\r\n"}
    assert session.refused is None


def test_other_statuses_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one of"):
        configured(SessionTermination, status=404)
