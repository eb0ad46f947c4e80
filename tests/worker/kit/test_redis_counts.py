"""Counting in a Redis server, by two nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certs import Authority
from needs import need
from plugin_host import Lent
from ports import free_port
from receivers import play
from redis_server import RedisServer

from penstock.plugin_testing import StandIn, configured
from penstock.worker.kit import redis_counts
from penstock.worker.kit.redis_counts import LEASE, Rate, RedisConfig, RedisCounts, Unavailable
from penstock.worker.plugins.rate_limiting import RateLimiting


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    need("redis-server")
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def server(shared_server: RedisServer) -> RedisServer:
    shared_server.ask("FLUSHALL")
    return shared_server


def counts(port: int, lent: Lent | None = None, **config: Any) -> RedisCounts:
    made = RedisCounts(RedisConfig("127.0.0.1", port, **config), (lent or Lent()).host)
    made.begin()
    return made


def test_without_the_package_the_start_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_counts, "available", lambda: False)
    with pytest.raises(ValueError, match=r'policy redis needs the package redis: install "penstock\[redis\]"'):
        RedisCounts(RedisConfig("127.0.0.1"), Lent().host)


def test_two_nodes_share_places(server: RedisServer) -> None:
    async def scenario() -> None:
        nodes = [counts(server.port), counts(server.port)]
        verdicts = await asyncio.gather(*(node.admit("p", 5, number, ()) for node in nodes for number in range(10)))
        assert sum(verdict.over is None for verdict in verdicts) == 5
        assert {verdict.over for verdict in verdicts} == {None, -1}
        for node in nodes:
            for number in range(10):
                await node.leave("p", number)
        assert server.ask("EXISTS", "p") == ":0"
        for node in nodes:
            await node.close()

    play(scenario)


def test_two_nodes_share_a_rate(server: RedisServer) -> None:
    async def scenario() -> None:
        nodes = [counts(server.port), counts(server.port)]
        rates = [Rate("s", 1000, 1), Rate("h", 7, 3600)]
        verdicts = await asyncio.gather(*(node.admit("p", 0, number, rates) for node in nodes for number in range(10)))
        assert sum(verdict.over is None for verdict in verdicts) == 7
        assert {verdict.over for verdict in verdicts} == {None, 1}
        assert all(0 < verdict.wait <= 3600 for verdict in verdicts if verdict.over == 1)
        assert server.ask("EXISTS", "p") == ":0"
        assert 0 < int(server.ask("PTTL", "h")[1:]) <= 3600_000
        assert server.ask("GET", "h") == "$1"
        for node in nodes:
            await node.close()

    play(scenario)


def test_a_rate_is_whole_again_in_the_next_window(server: RedisServer) -> None:
    async def scenario() -> None:
        node = counts(server.port)
        assert (await node.admit("p", 0, 1, [Rate("once", 3, 3600)])).over is None
        assert int(server.ask("PTTL", "once")[1:]) > 0
        found: list[bool] = []
        while found[-2:] != [False, True]:  # refused, and then granted: a window is a second
            found.append((await node.admit("p", 0, 1, [Rate("s", 3, 1)])).over is None)
        granted = "".join("x" if each else "-" for each in found).replace("-", " ").split()
        assert max(map(len, granted)) <= 6, "three at the end of one, and three at the beginning of the next"
        await node.close()

    play(scenario)


def test_a_place_is_held_for_a_lease_that_is_renewed(server: RedisServer) -> None:
    async def scenario() -> None:
        lent = Lent()
        node = counts(server.port, lent)
        await node.admit("p", 1, 1, ())
        assert server.ask("ZCOUNT", "p", str(await now(server) + LEASE - 30), "+inf") == ":1"
        server.ask("ZADD", "p", "XX", str(await now(server) + 1), f"{node._me}:1")
        assert [seconds for seconds, _ in lent.timers] == [LEASE / 3]
        lent.timers[0][1]()
        await asyncio.gather(*lent.tasks)
        assert server.ask("ZCOUNT", "p", str(await now(server) + LEASE - 30), "+inf") == ":1"
        await node.leave("p", 1)
        lent.timers[0][1]()
        assert len(lent.tasks) == 1, "nothing is left to be renewed"
        await node.close()

    async def now(server: RedisServer) -> int:
        return int(server.ask("EVAL", '"return', "tonumber(redis.call('TIME')[1])\"", "0").removeprefix(":"))

    play(scenario)


def test_who_died_gives_its_place_back_after_the_lease(server: RedisServer) -> None:
    async def scenario() -> None:
        server.ask("ZADD", "p", "1", "dead:1")
        node = counts(server.port)
        assert (await node.admit("p", 1, 1, ())).over is None
        await node.close()

    play(scenario)


def test_a_server_that_is_away_is_told_once_and_left_alone(tmp_path: Path) -> None:
    need("redis-server")

    async def scenario() -> None:
        lent = Lent()
        stopped = RedisServer(tmp_path)
        node = counts(stopped.port, lent)
        assert not node.resting
        for _ in range(2):
            with pytest.raises(Unavailable):
                await node.admit("p", 1, 1, ())
        assert node.resting
        await node.leave("p", 1)
        assert [level for level, _ in lent.lines] == ["error"]
        assert f"Redis at 127.0.0.1:{stopped.port} cannot be asked: ConnectionError" in lent.lines[0][1]
        await node.close()

    play(scenario)


def test_a_server_that_was_restarted_is_found_at_once(tmp_path: Path) -> None:
    need("redis-server")

    async def scenario() -> None:
        with RedisServer(tmp_path) as own:
            lent = Lent()
            node = counts(own.port, lent)
            assert (await node.admit("p", 1, 1, ())).over is None
            own.stop()
            own.start()
            assert (await node.admit("p", 1, 2, ())).over is None
            assert lent.lines == []
            await node.close()

    play(scenario)


def test_a_server_that_does_not_answer_costs_the_timeout(server: RedisServer) -> None:
    async def scenario() -> None:
        node = counts(server.port, timeout=100)
        await node.admit("p", 1, 1, ())
        server.ask("CLIENT", "PAUSE", "400", "WRITE")
        with pytest.raises(Unavailable):
            await node.admit("p", 2, 2, ())
        await node.close()

    play(scenario)


def test_passwords_and_databases_are_used(tmp_path: Path) -> None:
    need("redis-server")

    async def scenario() -> None:
        with RedisServer(tmp_path, "--requirepass", "s3cret") as own:
            right = counts(own.port, password="s3cret", database=3)
            assert (await right.admit("p", 1, 1, ())).over is None
            lent = Lent()
            wrong = counts(own.port, lent, password="other")
            with pytest.raises(Unavailable):
                await wrong.admit("p", 1, 1, ())
            assert "other" not in lent.lines[0][1]
            await right.close()
            await wrong.close()

    play(scenario)


@pytest.mark.parametrize(("verify", "right"), [(False, True), (True, True), (True, False)])
def test_tls_is_spoken_and_verified_where_asked(
    tmp_path: Path, authority: Authority, verify: bool, right: bool
) -> None:
    need("redis-server")
    pair = authority.issue("127.0.0.1" if right else "other.test")
    secured = free_port()
    flags = ("--tls-port", secured, "--tls-auth-clients", "no", "--tls-cert-file", pair.crt, "--tls-key-file", pair.key)

    async def scenario() -> None:
        with RedisServer(tmp_path, *map(str, flags)):
            node = counts(secured, ssl=True, ssl_verify=verify, ca_certificates=str(authority.file))
            if right or not verify:
                assert (await node.admit("p", 1, 1, ())).over is None
            else:
                with pytest.raises(Unavailable):
                    await node.admit("p", 1, 1, ())
            await node.close()

    play(scenario)


def session(**given: Any) -> StandIn:
    return StandIn(**given)


async def finished(work: Awaitable[None] | None) -> None:
    if work is not None:
        await work


@pytest.mark.parametrize(("tolerant", "refused"), [(True, [None, "limited"]), (False, ["plugin", "plugin"])])
def test_a_plugin_fails_open_or_closed(tmp_path: Path, tolerant: bool, refused: list[str | None]) -> None:
    async def scenario() -> None:
        redis = {"host": "127.0.0.1", "port": RedisServer(tmp_path).port}
        plugin = configured(RateLimiting, concurrent=1, policy="redis", redis=redis, fault_tolerant=tolerant)
        plugin.configure()
        plugin.init_worker()
        found = []
        for _ in refused:
            one = session()
            await finished(plugin.preread(one))
            found.append(one.ended["word"] if one.ended else None)
        assert found == refused
        await plugin.close()

    play(scenario)


def test_a_plugin_asks_the_server_and_gives_back(server: RedisServer) -> None:
    async def scenario() -> None:
        redis = {"host": "127.0.0.1", "port": server.port}
        plugin = configured(RateLimiting, concurrent=1, hour=3, policy="redis", redis=redis)
        plugin.configure()
        plugin.init_worker()
        words = []
        for number in range(1, 6):
            one, other = session(number=number), session(number=-number)
            await finished(plugin.preread(one))
            await finished(plugin.preread(other))
            words.append([each.ended["word"] if each.ended else None for each in (one, other)])
            for each in (one, other):
                await finished(plugin.log(each))
        assert words == [[None, "limited"]] * 3 + [["limited", "limited"]] * 2
        await plugin.close()

    play(scenario)
