"""The variable of limit_conn."""

from __future__ import annotations

from viewed import Viewed

from penstock.shared.variables import lookup


def test_the_status_is_what_the_limits_said() -> None:
    getter = lookup("limit_conn_status")
    assert getter(Viewed()) is None
    assert getter(Viewed(values={"limit_conn_status": "PASSED"})) == "PASSED"
