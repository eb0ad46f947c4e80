"""The worker as plugins see it."""

from __future__ import annotations

from plugin_host import Lent


def test_a_plugins_lines_name_it() -> None:
    lent = Lent("mine")
    lent.host.log("warn", "look")
    assert lent.lines == [("warn", 'plugin "mine": look')]


def test_what_is_lent_is_used() -> None:
    lent = Lent()
    lent.host.every(2.0, list)
    lent.host.count_records("dropped", 3)
    assert lent.timers == [(2.0, list)]
    assert lent.counted == {"dropped": 3}
    assert lent.host.now() == 1_800_000_000.0
    assert list(lent.host.sessions()) == []


def test_relative_paths_are_below_the_prefix() -> None:
    host = Lent(prefix="/var/lib/p").host
    assert (host.path("logs/a"), host.path("/b")) == ("/var/lib/p/logs/a", "/b")
