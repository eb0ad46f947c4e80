"""`http-log`: requests, batches, and servers that do not take them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from plugin_host import Lent
from receivers import play, until

from penstock.plugin_testing import configured
from penstock.worker.plugins.http_log import HttpLog


@dataclass
class Taken:
    """What a server got, and how it answers."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    elsewhere: int = 0
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Keep it."""
        self.requests.append((request.method, dict(request.headers), json.loads(await request.read())))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async def lure(self, _request: web.Request) -> web.Response:
        """Where nobody should go."""
        self.elsewhere += 1
        return web.Response()

    def bodies(self) -> list[Any]:
        """What came."""
        return [body for _, _, body in self.requests]


@contextlib.asynccontextmanager
async def server(*statuses: int) -> AsyncIterator[Taken]:
    taken = Taken(statuses=list(statuses))
    application = web.Application()
    application.router.add_route("*", "/log", taken.take)
    application.router.add_route("*", "/elsewhere", taken.lure)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    taken.url = f"http://user:secret@127.0.0.1:{runner.addresses[0][1]}/log"
    try:
        yield taken
    finally:
        await runner.cleanup()


def made(lent: Lent, url: str, **config: Any) -> HttpLog:
    plugin = configured(HttpLog, http_endpoint=url, **config)
    plugin.worker = lent.host
    plugin.configure()
    plugin.init_worker()
    return plugin


def test_a_record_is_an_object() -> None:
    async def scenario() -> None:
        async with server() as taken:
            plugin = made(Lent(), taken.url, headers={"X-Gate": "1"}, method="PUT")
            plugin.emit({"n": 1})
            plugin.emit({"n": 2})
            await plugin.close()
            assert taken.bodies() == [{"n": 1}, {"n": 2}]
            method, headers, _ = taken.requests[0]
            assert (method, headers["X-Gate"], headers["Content-Type"]) == ("PUT", "1", "application/json")
            assert headers["Authorization"] == "Basic dXNlcjpzZWNyZXQ="

    play(scenario)


def test_several_are_an_array() -> None:
    async def scenario() -> None:
        async with server() as taken:
            plugin = made(Lent(), taken.url, queue={"max_batch_size": 2, "max_coalescing_delay": 60})
            for number in range(5):
                plugin.emit({"n": number})
            await until(lambda: len(taken.requests) == 2, "two full batches")
            await plugin.close()
            assert taken.bodies() == [[{"n": 0}, {"n": 1}], [{"n": 2}, {"n": 3}], [{"n": 4}]]

    play(scenario)


@pytest.mark.parametrize("status", [302, 400, 503])
def test_what_is_not_taken_is_tried_again(status: int) -> None:
    async def scenario() -> None:
        async with server(status, 204) as taken:
            lent = Lent()
            plugin = made(lent, taken.url)
            plugin.emit({"n": 1})
            await until(lambda: lent.counted["delivered"], "the delivery")
            await plugin.close()
            assert taken.bodies() == [{"n": 1}, {"n": 1}]
            assert f"OSError: the server answered {status}" in lent.lines[0][1]
            assert taken.elsewhere == 0

    play(scenario)


def test_it_is_given_up_after_its_time_and_counted() -> None:
    async def scenario() -> None:
        async with server(*[500] * 1000) as taken:
            lent = Lent()
            plugin = made(lent, taken.url, queue={"max_retry_time": 0.05})
            plugin.emit({"n": 1})
            await until(lambda: lent.counted["dropped"], "the end of patience")
            await plugin.close()
            assert lent.counted["dropped"] == 1
            assert "could not be delivered within 0.05 s" in lent.lines[-1][1]

    play(scenario)


def test_a_server_that_is_away_is_an_error_without_the_password() -> None:
    async def scenario() -> None:
        async with server() as taken:
            url = taken.url
        lent = Lent()
        plugin = made(lent, url, queue={"max_retry_time": 0.01})
        plugin.emit({})
        await until(lambda: lent.counted["dropped"], "the end of patience")
        await plugin.close()
        text = " ".join(line for _, line in lent.lines)
        assert "Connect" in text
        assert "secret" not in text

    play(scenario)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "http_endpoint"),
        ({"http_endpoint": "tcp://x"}, "invalid value"),
        ({"http_endpoint": "http://x", "method": "GET"}, "expected one of: POST, PUT, PATCH"),
        ({"http_endpoint": "http://x", "headers": {"Host": "y"}}, 'the header "Host" cannot be set'),
        ({"http_endpoint": "http://x", "headers": {"A": "b\r\nC: d"}}, 'the header "A" cannot be set'),
    ],
)
def test_mistakes_are_named(config: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        configured(HttpLog, **config).configure()
