"""The worker as plugins see it."""

from __future__ import annotations

import pytest
from plugin_host import Lent

from penstock.shared.limit_zone import LimitZone
from penstock.shared.rate_zone import RateZone
from penstock.shared.series import read
from penstock.shared.series_zone import SeriesZone
from penstock.shared.zones import PLUGINS, UNSHARED, Zones
from penstock.worker.kit.host import Shared


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


def test_a_plugin_rations_under_keys_of_its_own() -> None:
    shared = Shared.alone()
    one, two = Lent("one").host, Lent("two").host
    one.shared = two.shared = shared
    assert one.take("a", 0.01) == 0.0
    assert one.take("a", 0.01) == pytest.approx(100.0, rel=0.1)
    assert two.take("a", 0.01) == 0.0


def test_what_lasts_is_counted_until_it_is_over() -> None:
    host = Lent().host
    first = host.enter("a", 2)
    assert first
    assert host.enter("a", 2)
    assert host.enter("a", 2) == 0
    host.leave(first)
    assert host.enter("a", 2)


def test_where_there_is_no_room_the_log_says_so() -> None:
    lent = Lent()
    lent.host.shared = Shared(RateZone(1, UNSHARED), LimitZone(64, UNSHARED, 1), SeriesZone(UNSHARED), 0)
    assert lent.host.enter("a", 1)
    assert lent.host.enter("b", 1) == 0
    assert lent.lines == [("crit", 'plugin "tried": there is no room for another key to count')]


def test_the_masters_memory_is_used_where_there_is_some() -> None:
    counts, rates, series = LimitZone(64, UNSHARED, 9), RateZone(1, UNSHARED), SeriesZone(UNSHARED)
    shared = Shared.of(Zones(seat=8, limits={PLUGINS: counts}, rates=rates, series=series))
    assert shared == Shared(rates, counts, series, 8)
    assert Shared.of(Zones()) is None


def test_metrics_of_plugins_are_kept_for_all() -> None:
    shared = Shared.alone()
    one, two = Lent("one").host, Lent("two").host
    one.shared = two.shared = shared
    one.tally("a_total", {"x": "1", "y": "2"})
    two.tally("a_total", {"y": "2", "x": "1"}, 4)
    for value in (0.5, 3.0):
        one.observe("ms", {}, value, (1.0, 2.0))
    found = {series.name: cells for series, cells in ((read(text), cells) for text, cells in shared.series)}
    assert found == {"a_total": [5], "ms": [1, 0, 1, 3500]}


def test_a_metric_that_prometheus_would_not_take_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="is no metric"):
        Lent().host.tally("a b", {})


def test_series_that_there_is_no_room_for_are_counted_and_cost_nobody_else() -> None:
    shared = Shared.alone()
    host = Lent().host
    host.shared = shared
    for number in range(shared.series.series + 2):
        host.tally("a_total", {"n": str(number)})
    assert shared.series.refused == 2
    assert sum(1 for _ in shared.series) == shared.series.series


def test_a_plugin_rations_by_the_clock() -> None:
    host = Lent().host  # whose clock stands at the beginning of an hour
    assert [host.spend("a", 2, 3600) for _ in range(2)] == [0.0, 0.0]
    assert host.spend("a", 2, 3600) == pytest.approx(3600.0)
    assert host.spend("b", 2, 3600) == 0.0
