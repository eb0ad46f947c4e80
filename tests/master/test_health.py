"""Active checks of a node: who is asked, what is concluded, what a reload changes."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest
from ports import free_port

from penstock.master import health
from penstock.master.health import HealthChecks, address_of
from penstock.shared.health_zone import HealthZone
from penstock.shared.model.address import Address, ipv4, ipv6, unix
from penstock.shared.model.health import HealthCheck, Probe
from penstock.shared.model.upstream import Peer, Upstream
from penstock.shared.zones import UNSHARED

QUICK = HealthCheck(Probe(interval=0.02, ill_interval=0.02, timeout=5.0, rise=2, fall=2))


def upstream(*addresses: Address, check: HealthCheck | None = QUICK, resolve: bool = False) -> Upstream:
    peers = tuple(Peer(str(address), None if resolve else address, resolve=resolve) for address in addresses)
    return Upstream("u", peers, health=check)


class Desk:
    """Checks with what they say."""

    def __init__(self) -> None:
        self.zone = HealthZone(UNSHARED, 64)
        self.said: list[str] = []
        self.checks = HealthChecks(asyncio.get_running_loop(), self.said.append, self.said.append)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for it."""
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)


def run(check: Callable[[Desk], Awaitable[None]]) -> None:
    async def whole() -> None:
        desk = Desk()
        await check(desk)
        desk.checks.stop()

    asyncio.run(whole())


def test_a_peer_goes_out_of_service_and_comes_back() -> None:
    port = free_port()
    key = ("u", f"127.0.0.1:{port}")

    async def check(desk: Desk) -> None:
        desk.checks.apply(desk.zone, [upstream(ipv4("127.0.0.1", port))])
        assert desk.checks.states() == {key: True}
        await desk.until(lambda: desk.checks.states() == {key: False})
        assert "failed 2 times in a row: connect() failed (111: Connection refused)" in desk.said[0]
        with socket.create_server(("127.0.0.1", port)):
            await desk.until(lambda: desk.checks.states() == {key: True})
        assert "succeeded 2 times in a row; it gets sessions again" in desk.said[1]
        await desk.until(lambda: desk.checks.states() == {key: False})
        assert len(desk.said) == 3

    run(check)


def test_a_reload_keeps_what_is_known_of_peers_that_stay() -> None:
    first, second = ipv4("127.0.0.1", free_port()), ipv4("127.0.0.1", free_port())

    async def check(desk: Desk) -> None:
        desk.checks.apply(desk.zone, [upstream(first)])
        await desk.until(lambda: not desk.checks.states()["u", str(first)])
        desk.checks.apply(desk.zone, [upstream(first, second)])
        assert desk.checks.states() == {("u", str(first)): False, ("u", str(second)): True}
        desk.checks.apply(desk.zone, [upstream(second)])
        assert list(desk.checks.states()) == [("u", str(second))]
        desk.checks.apply(desk.zone, [upstream(second, check=None)])
        assert desk.checks.states() == {}

    run(check)


def test_peers_that_workers_have_found_are_checked_too() -> None:
    address = ipv4("127.0.0.1", free_port())

    async def check(desk: Desk) -> None:
        desk.checks.apply(desk.zone, [upstream(ipv4("name.test", 1), resolve=True)])
        assert desk.checks.states() == {}
        desk.zone.record("u", str(address))
        await desk.until(lambda: desk.checks.states() == {("u", str(address)): False})

    run(check)


def test_an_address_that_a_name_has_no_more_is_asked_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "DISCOVER", 0.01)
    stays, goes = ipv4("127.0.0.1", free_port()), ipv4("127.0.0.1", free_port())

    async def check(desk: Desk) -> None:
        stays_at, goes_at = (desk.zone.record("u", str(each)) for each in (stays, goes))
        desk.checks.apply(desk.zone, [upstream(ipv4("name.test", 1), resolve=True)])
        await desk.until(lambda: len(desk.checks.states()) == 2)
        now = int(time.monotonic())
        desk.zone.see(stays_at, now)
        desk.zone.see(goes_at, max(1, now - health.GONE - 1))
        await desk.until(lambda: list(desk.checks.states()) == [("u", str(stays))])
        assert [address for _, address, _ in desk.zone.peers()] == [str(stays)]

    run(check)


def test_peers_that_came_and_went_leave_room_for_others() -> None:
    async def check(desk: Desk) -> None:
        for port in range(1, 500):
            desk.checks.apply(desk.zone, [upstream(ipv4("127.0.0.1", port), check=HealthCheck(failures=1))])
            assert len(desk.checks.states()) == 1
        assert desk.said == []

    run(check)


def test_without_a_probe_a_peer_is_watched_and_can_be_set_by_hand() -> None:
    address = ipv4("127.0.0.1", 9)

    async def check(desk: Desk) -> None:
        desk.checks.apply(desk.zone, [upstream(address, check=HealthCheck(failures=1))])
        assert desk.checks.set("u", str(address), healthy=False)
        assert desk.checks.states() == {("u", str(address)): False}
        assert not desk.checks.set("u", "127.0.0.1:8", healthy=True)
        assert desk.said == ['peer 127.0.0.1:9 in upstream "u" was set to unhealthy by hand']

    run(check)


def test_addresses_are_read_back() -> None:
    for address in (ipv4("127.0.0.1", 1), ipv6("::1", 2), unix("/run/s")):
        assert address_of(str(address)) == address
    assert address_of("name.test:1") is None
