"""The metrics' server in a loop that runs in slices, and clients that try to disturb it."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from deadline import seconds
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from penstock.master.http import MetricsServer
from penstock.master.http_server import MAX_CONNECTIONS, MAX_LINE

Loop = asyncio.AbstractEventLoop


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[Loop]:
    loop = uvloop.new_event_loop() if request.param == "uvloop" else asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


def registry(value: float = 7) -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("seen", "A figure.", registry=registry).set(value)
    return registry


@asynccontextmanager
async def serving(server: MetricsServer, *sockets: socket.socket) -> AsyncIterator[None]:
    await server.attach(sockets)
    try:
        yield
    finally:
        await server.detach()


async def open_to(bound: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if bound.family == socket.AF_UNIX:
        return await asyncio.open_unix_connection(bound.getsockname())
    return await asyncio.open_connection(*bound.getsockname())


async def ask(
    bound: socket.socket, method: str = "GET", path: str = "/metrics", accept: str = ""
) -> tuple[int, str, bytes]:
    """Status, content type and body of one request."""
    reader, writer = await open_to(bound)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), seconds(10))
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    return int(status.split()[1]), headers["Content-Type"], body


async def ends(reader: asyncio.StreamReader) -> bool:
    """Whether the server closes the connection in time."""
    try:
        await asyncio.wait_for(reader.read(), seconds(10))
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def test_metrics_come_in_the_text_format(loop: Loop, tcp: socket.socket) -> None:
    async def story() -> None:
        async with serving(MetricsServer(registry()), tcp):
            status, kind, body = await ask(tcp)
        assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert b"seen 7.0" in body

    loop.run_until_complete(story())


def test_openmetrics_comes_to_whoever_asks_for_it(loop: Loop, tcp: socket.socket) -> None:
    async def story() -> None:
        async with serving(MetricsServer(registry()), tcp):
            status, kind, body = await ask(tcp, accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        assert status == 200
        assert kind.startswith("application/openmetrics-text; version=1.0.0")
        assert body.endswith(b"# EOF\n")

    loop.run_until_complete(story())


@pytest.mark.parametrize("accept", ["application/openmetrics-text;version=x", "\xff", ",;=,", "text/plain;version=1.x"])
def test_an_odd_accept_gets_metrics_all_the_same(tcp: socket.socket, accept: str) -> None:
    async def story() -> None:
        async with serving(MetricsServer(registry()), tcp):
            assert (await ask(tcp, accept=accept))[0] == 200

    asyncio.run(story())


def test_a_unix_socket_is_served_and_its_path_left_to_its_owner(loop: Loop, tmp_path: Path) -> None:
    async def story(bound: socket.socket) -> None:
        async with serving(MetricsServer(registry()), bound):
            assert (await ask(bound))[0] == 200
        assert (tmp_path / "metrics.sock").exists()

    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "metrics.sock"))
        loop.run_until_complete(story(bound))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/healthz", 200),
        ("HEAD", "/metrics", 200),
        ("GET", "/metrics?name=x", 200),
        ("GET", "/nothing", 404),
        ("POST", "/metrics", 405),
        ("GET", "/" + "x" * MAX_LINE, 400),
    ],
)
def test_paths_and_methods(tcp: socket.socket, method: str, path: str, status: int) -> None:
    async def story() -> None:
        async with serving(MetricsServer(registry()), tcp):
            assert (await ask(tcp, method, path))[0] == status

    asyncio.run(story())


def test_healthz_says_when_no_worker_accepts(tcp: socket.socket) -> None:
    async def story() -> None:
        async with serving(MetricsServer(registry(), healthy=lambda: False), tcp):
            assert (await ask(tcp, path="/healthz"))[0] == 503

    asyncio.run(story())


def test_head_gives_the_length_without_the_body(tcp: socket.socket) -> None:
    async def story() -> None:
        async with serving(MetricsServer(registry()), tcp):
            assert (await ask(tcp, "HEAD"))[2] == b""

    asyncio.run(story())


class Broken(Collector):
    def collect(self) -> Iterator[Metric]:
        raise RuntimeError("no figures")


def test_a_collector_that_breaks_is_complained_about(tcp: socket.socket) -> None:
    complaints: list[str] = []
    broken = CollectorRegistry()
    broken.register(Broken())

    async def story() -> None:
        async with serving(MetricsServer(broken, complain=complaints.append), tcp):
            assert (await ask(tcp))[0] == 500

    asyncio.run(story())
    assert complaints == ["the metrics could not be collected: RuntimeError('no figures')"]


@pytest.mark.parametrize("sent", [b"", b"GET /metrics HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a_client_that_sends_no_whole_request_is_closed(loop: Loop, tcp: socket.socket, sent: bytes) -> None:
    async def story() -> None:
        async with serving(MetricsServer(registry(), idle_timeout=0.2), tcp):
            reader, writer = await open_to(tcp)
            writer.write(sent)
            assert await ends(reader)
            writer.close()

    loop.run_until_complete(story())


class Huge(Collector):
    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("huge", "x" * 16_000_000, 1)


def test_a_client_that_does_not_read_its_answer_is_cut_off(loop: Loop, tcp: socket.socket) -> None:
    huge = CollectorRegistry()
    huge.register(Huge())

    async def story() -> None:
        server = MetricsServer(huge, stall_timeout=0.2)
        async with serving(server, tcp):
            with socket.create_connection(tcp.getsockname()) as client:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                async with asyncio.timeout(seconds(10)):
                    while server.connections == 0:
                        await asyncio.sleep(0)
                    while server.connections:
                        await asyncio.sleep(0.01)

    loop.run_until_complete(story())


def test_a_client_that_reads_slowly_gets_all_of_it(tcp: socket.socket) -> None:
    huge = CollectorRegistry()
    huge.register(Huge())

    async def story() -> None:
        async with serving(MetricsServer(huge, stall_timeout=0.5), tcp):
            reader, writer = await open_to(tcp)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            got = 0
            while part := await reader.read(1 << 20):
                got += len(part)
                await asyncio.sleep(0.01)
            assert got > 16_000_000
            writer.close()

    asyncio.run(story())


def test_connections_over_the_limit_are_closed_and_the_others_live(loop: Loop, tcp: socket.socket) -> None:
    async def story() -> None:
        server = MetricsServer(registry())
        async with serving(server, tcp):
            held = [await open_to(tcp) for _ in range(MAX_CONNECTIONS)]
            while server.connections < MAX_CONNECTIONS:
                await asyncio.sleep(0)
            reader, writer = await open_to(tcp)
            assert await ends(reader)
            writer.close()
            reader, writer = held.pop()
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            for _, other in [*held, (reader, writer)]:
                other.close()

    loop.run_until_complete(story())


def test_sockets_come_and_go(loop: Loop, tcp: socket.socket, tmp_path: Path) -> None:
    async def story(unix: socket.socket) -> None:
        server = MetricsServer(registry())
        await server.attach([tcp, unix])
        await server.detach([unix])
        assert (await ask(tcp))[0] == 200
        assert unix.fileno() >= 0
        await server.attach([unix])
        await server.detach([tcp])
        assert (await ask(unix))[0] == 200
        await server.detach()
        assert tcp.fileno() >= 0

    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "metrics.sock"))
        loop.run_until_complete(story(unix))


def test_it_answers_between_slices_and_after_a_fork_without_a_thread(loop: Loop, tcp: socket.socket) -> None:
    server = MetricsServer(registry())
    threads = threading.active_count()
    loop.run_until_complete(server.attach([tcp]))
    try:
        for _ in range(3):
            if (child := os.fork()) == 0:
                os._exit(0)
            os.waitpid(child, 0)
            assert loop.run_until_complete(ask(tcp))[0] == 200
        assert threading.active_count() <= threads  # peers of other tests in this process may end meanwhile
    finally:
        loop.run_until_complete(server.detach())  # a loop does not close over a server
