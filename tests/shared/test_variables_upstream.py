"""One value for each try."""

from __future__ import annotations

import pytest
from viewed import Viewed, attempt

from penstock.shared.variables_upstream import GETTERS


@pytest.fixture
def session() -> Viewed:
    tries = [attempt("10.0.0.1:80", whole=1.0), attempt("[::1]:80", 0.0015, 0.25, 61.0)]
    tries[1].sent, tries[1].received = 5, 70
    return Viewed(tries=tries)


@pytest.mark.parametrize(
    ("name", "both", "last"),
    [
        ("upstream_addr", "10.0.0.1:80, [::1]:80", "[::1]:80"),
        ("upstream_bytes_sent", "0, 5", "5"),
        ("upstream_bytes_received", "0, 70", "70"),
        ("upstream_connect_time", "-, 0.002", "0.002"),
        ("upstream_first_byte_time", "-, 0.250", "0.250"),
        ("upstream_session_time", "1.000, 61.000", "61.000"),
    ],
)
def test_values_are_listed_in_order(session: Viewed, name: str, both: str, last: str) -> None:
    assert GETTERS[name](session) == both
    del session.tries[0]
    assert GETTERS[name](session) == last


@pytest.mark.parametrize("name", GETTERS)
def test_nothing_tried_is_not_found(name: str) -> None:
    assert GETTERS[name](Viewed()) is None
