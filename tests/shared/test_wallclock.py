"""Times as nginx writes them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from viewed import NOON

from penstock.shared.wallclock import WallClock


@pytest.fixture
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "local", "iso8601"),
    [
        ("UTC", "25/Nov/2026:12:00:00 +0000", "2026-11-25T12:00:00+00:00"),
        ("IST-5:30", "25/Nov/2026:17:30:00 +0530", "2026-11-25T17:30:00+05:30"),
        ("NST3:30", "25/Nov/2026:08:30:00 -0330", "2026-11-25T08:30:00-03:30"),
    ],
    indirect=["zone"],
)
@pytest.mark.usefixtures("zone")
def test_the_zone_is_the_processes(local: str, iso8601: str) -> None:
    clock = WallClock(lambda: NOON)
    assert (clock.local(), clock.iso8601()) == (local, iso8601)


@pytest.mark.parametrize("zone", ["UTC"], indirect=True)
@pytest.mark.usefixtures("zone")
def test_every_form_follows_the_clock() -> None:
    now = [NOON]
    clock = WallClock(lambda: now[0])
    clock.local()
    now[0] += 0.75
    assert clock.error() == "2026/11/25 12:00:01"
    now[0] += 60
    assert clock.iso8601() == "2026-11-25T12:01:01+00:00"
    now[0] += 3600
    assert clock.local() == "25/Nov/2026:13:01:01 +0000"
