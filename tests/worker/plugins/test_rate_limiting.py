"""`rate-limiting`: budgets, places, and what they are counted by. Over Redis: tests of `kit/redis_counts`."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.plugin_testing import StandIn, StandInWorker, configured
from penstock.worker.plugins.rate_limiting import RateLimiting


def made(worker: StandInWorker | None = None, **config: Any) -> RateLimiting:
    plugin = configured(RateLimiting, worker or StandInWorker(), **config)
    plugin.configure()
    return plugin


def begun(plugin: RateLimiting, **session: Any) -> StandIn:
    made = StandIn(**session)
    assert plugin.preread(made) is None
    return made


def let_in(plugin: RateLimiting, times: int, **session: Any) -> int:
    return sum(begun(plugin, **session).refused is None for _ in range(times))


@pytest.mark.parametrize(("period", "seconds"), [("second", 1), ("minute", 60), ("hour", 3600)])
def test_so_many_begin_in_each_period_of_the_clock(period: str, seconds: float) -> None:
    worker = StandInWorker()
    plugin = made(worker, **{period: 4})
    assert let_in(plugin, 6) == 4
    worker.time += seconds * 0.99
    assert let_in(plugin, 6) == 0
    worker.time += seconds * 0.01
    assert let_in(plugin, 6) == 4


def test_every_limit_holds() -> None:
    worker = StandInWorker()
    plugin = made(worker, second=2, minute=3)
    assert let_in(plugin, 5) == 2
    worker.time += 1
    assert let_in(plugin, 5) == 1


def test_places_are_given_back_at_the_end() -> None:
    plugin = made(concurrent=2)
    sessions = [begun(plugin) for _ in range(3)]
    assert [session.refused is None for session in sessions] == [True, True, False]
    for session in sessions:
        session.status = 200
        plugin.log(session)
    assert let_in(plugin, 3) == 2


def test_a_rate_that_is_used_up_costs_no_place() -> None:
    worker = StandInWorker()
    plugin = made(worker, concurrent=2, second=1)
    assert let_in(plugin, 3) == 1
    worker.time += 1
    assert let_in(plugin, 3) == 1
    assert len(worker.tickets) == 2


@pytest.mark.parametrize(
    ("by", "one", "other"),
    [
        ("ip", {"client_addr": "192.0.2.1"}, {"client_addr": "192.0.2.2"}),
        ("sni", {"sni": "a.test"}, {"sni": "b.test"}),
        ("route", {"route": "a"}, {"route": "b"}),
        ("service", {"service": "a"}, {"service": "b"}),
        ("ja4", {"ja4": "t13d"}, {"ja4": "t12d"}),
    ],
)
def test_each_has_a_budget_of_its_own(by: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    plugin = made(second=2, limit_by=by)
    assert [let_in(plugin, 3, **session) for session in (one, other, one)] == [2, 2, 0]


def test_who_has_no_name_is_counted_by_address() -> None:
    plugin = made(second=2, limit_by="sni")
    assert let_in(plugin, 3) == 2
    assert let_in(plugin, 3, client_addr="192.0.2.2") == 2
    assert let_in(plugin, 3, sni="192.0.2.1") == 2


def test_an_ipv4_client_on_an_ipv6_socket_is_the_same_client() -> None:
    plugin = made(second=2)
    assert let_in(plugin, 1) + let_in(plugin, 3, client_addr="::ffff:192.0.2.1") == 2


def test_another_place_in_the_configuration_has_other_budgets() -> None:
    worker = StandInWorker()
    one = made(worker, second=2)
    assert let_in(one, 3) == 2
    worker.place = "route b"
    assert let_in(made(worker, second=2), 3) == 2


def test_a_refusal_says_what_was_too_much() -> None:
    plugin = made(minute=1, status=403)
    begun(plugin)
    session = begun(plugin)
    assert session.refused == "1 sessions per minute of ip:192.0.2.1, the next one in 60 s"
    assert session.ended == {"word": "limited", "status": 403, "last": b""}
    plugin = made(concurrent=1)
    begun(plugin)
    session = begun(plugin)
    assert session.refused == "1 sessions of ip:192.0.2.1 are open"
    assert session.ended == {"word": "limited", "status": 503, "last": b""}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "'second', 'minute', 'hour', 'concurrent'"),
        ({"second": 0}, "value should be between"),
        ({"second": 1, "limit_by": "consumer"}, "expected one of: ip, sni, route, service, ja4"),
        ({"second": 1, "policy": "redis"}, "policy redis needs a block redis"),
        ({"second": 1, "policy": "redis", "redis": {}}, "required field missing"),
    ],
)
def test_mistakes_are_named(config: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        made(**config)
