"""What is kept of names, who waits for whom, and names by the system."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
import uvloop
from dns_server import DnsServer

from penstock.shared.model.upstream import Resolver
from penstock.worker import names as names_module
from penstock.worker.names import Names, delays

T = TypeVar("T")

ZONE = {
    ("a.example", "A"): (60, ("127.0.0.1", "127.0.0.2", "127.0.0.3")),
    ("one.example", "A"): (60, ("127.0.0.1",)),
    ("brief.example", "A"): (0, ("127.0.0.1",)),
}


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer(ZONE) as serving:
        yield serving


def with_names(server: DnsServer | None, use: Callable[[Names], Awaitable[T]], valid: float | None = None) -> T:
    async def used() -> T:
        resolver = None if server is None else Resolver((server.address,), valid, ipv6=False, timeout=5)
        names = Names(resolver, asyncio.get_running_loop(), resend=0.2)
        try:
            return await asyncio.wait_for(use(names), 20)
        finally:
            await names.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(used())


async def failure(names: Names, host: str) -> str:
    with pytest.raises(LookupError) as caught:
        await names.resolve(host)
    return str(caught.value)


def test_a_name_is_asked_for_once_while_it_holds(server: DnsServer) -> None:
    async def use(names: Names) -> None:
        assert names.cached("one.example") is None
        assert await names.resolve("one.example") == ("127.0.0.1",)
        assert names.cached("one.example") == ("127.0.0.1",)
        assert await names.resolve("ONE.example") == ("127.0.0.1",)

    with_names(server, use)
    assert server.asked["one.example", "A"] == 1


def test_a_name_is_asked_for_again_when_its_time_is_over(server: DnsServer) -> None:
    async def use(names: Names) -> None:
        await names.resolve("brief.example")
        assert names.cached("brief.example") is None
        await names.resolve("brief.example")

    with_names(server, use)
    assert server.asked["brief.example", "A"] == 2


def test_valid_makes_a_brief_name_hold(server: DnsServer) -> None:
    async def use(names: Names) -> None:
        await names.resolve("brief.example")
        assert names.cached("brief.example") == ("127.0.0.1",)

    with_names(server, use, valid=60)


def test_addresses_take_turns_in_front(server: DnsServer) -> None:
    async def use(names: Names) -> list[str]:
        first = await names.resolve("a.example")
        assert len(first) == 3
        return [first[0], *((names.cached("a.example") or ("",))[0] for _ in range(5))]

    front = with_names(server, use)
    assert front[:3] == front[3:]
    assert len(set(front)) == 3


def test_many_who_want_one_name_cost_one_question(server: DnsServer) -> None:
    async def use(names: Names) -> list[tuple[str, ...]]:
        return await asyncio.gather(*(names.resolve("one.example") for _ in range(50)))

    assert with_names(server, use) == [("127.0.0.1",)] * 50
    assert server.asked["one.example", "A"] == 1


def test_a_failure_is_told_in_nginxs_words_and_remembered_briefly(
    server: DnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(names: Names) -> None:
        words = "missing.example could not be resolved (3: Host not found)"
        assert [await failure(names, "missing.example") for _ in range(3)] == [words] * 3
        assert names.cached("missing.example") is None

    with_names(server, use)
    assert server.asked["missing.example", "A"] == 1
    monkeypatch.setattr(names_module, "FAILURE_SECONDS", 0.0)
    with_names(server, use)
    assert server.asked["missing.example", "A"] == 4


def test_without_resolver_nothing_is_resolved_but_addresses() -> None:
    async def use(names: Names) -> None:
        assert await names.resolve("127.0.0.1") == ("127.0.0.1",)
        assert await names.resolve("::1") == ("::1",)
        assert await failure(names, "a.example") == "no resolver defined to resolve a.example"

    with_names(None, use)


def test_who_gives_up_does_not_take_the_answer_from_the_others(server: DnsServer) -> None:
    held = True
    server.silent_for = lambda _name, _kind: held

    async def use(names: Names) -> tuple[str, ...]:
        nonlocal held
        leaving, staying = (asyncio.ensure_future(names.resolve("one.example")) for _ in range(2))
        while not server.asked:
            await asyncio.sleep(0.01)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        held = False  # the question is sent again after a while
        return await staying

    assert with_names(server, use) == ("127.0.0.1",)


def test_closing_tells_those_who_wait(server: DnsServer) -> None:
    server.silent_for = lambda _name, _kind: True

    async def use(names: Names) -> str:
        waiting = asyncio.ensure_future(failure(names, "one.example"))
        while not server.asked:
            await asyncio.sleep(0.01)
        await names.close()
        return await waiting

    assert with_names(server, use) == "one.example could not be resolved (the worker is closing)"


def test_what_is_kept_is_bounded_and_the_oldest_goes_first(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_module, "MAX_NAMES", 8)
    server.zone = {(f"n{number}.example", "A"): (60, ("127.0.0.1",)) for number in range(20)}

    async def use(names: Names) -> list[bool]:
        kept = []
        for number in range(20):
            await names.resolve(f"n{number}.example")
            kept = [names.cached(f"n{each}.example") is not None for each in range(number + 1)]
            assert sum(kept) <= 8
        return kept

    kept = with_names(server, use)
    assert kept == sorted(kept)
    assert kept[-1]


def test_questions_at_a_time_are_bounded(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_module, "MAX_PENDING", 2)
    server.silent_for = lambda _name, _kind: True

    async def use(names: Names) -> str:
        waiting = [asyncio.ensure_future(failure(names, host)) for host in ("a.example", "one.example")]
        await asyncio.sleep(0)
        refused = await failure(names, "brief.example")
        await names.close()
        await asyncio.gather(*waiting)
        return refused

    assert with_names(server, use) == "brief.example could not be resolved (2 names are being resolved)"


def test_the_system_knows_localhost() -> None:
    assert "127.0.0.1" in with_names(None, lambda names: names.system("localhost"))


@pytest.mark.parametrize("host", ["", "a..b", "x" * 300])  # none of which is worth a packet
def test_what_the_system_does_not_know_is_one_line(host: str) -> None:
    with pytest.raises(LookupError, match=r"^\S* could not be resolved \([^\n]+\)$"):
        with_names(None, lambda names: names.system(host))


def test_a_name_that_appears_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_module, "delays", lambda: itertools.repeat(0.0))
    reports: list[tuple[str, float]] = []

    class Late(Names):
        async def system(self, host: str) -> tuple[str, ...]:
            return await super().system("localhost" if len(reports) == 2 else host)

    async def use() -> tuple[str, ...]:
        names = Late(None, asyncio.get_running_loop())
        return await names.eventually("late..example", lambda words, delay: reports.append((words, delay)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert "127.0.0.1" in runner.run(use())
    assert [delay for _, delay in reports] == [0.0, 0.0]
    assert "could not be resolved" in reports[0][0]


def test_delays_double_up_to_half_a_minute() -> None:
    assert list(itertools.islice(delays(), 8)) == [1, 2, 4, 8, 16, 30, 30, 30]
