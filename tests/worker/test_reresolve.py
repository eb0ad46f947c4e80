"""Names that are resolved again and again, against a real name server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

import dns.rcode
import pytest
import uvloop
from deadline import seconds
from dns_server import DnsServer

from penstock.shared.found_memory import FoundMemory
from penstock.shared.model.upstream import Peer, Resolver, Upstream
from penstock.shared.zones import UNSHARED
from penstock.worker.balance import Balancer
from penstock.worker.nameservers import NameServers
from penstock.worker.reresolve import Reresolver, asked_name

ZONE = {
    ("one.example", "A"): (1, ("127.0.0.1", "127.0.0.2")),
    ("_db._tcp.example", "SRV"): (
        1,
        ("1 5 5432 one.example.", "2 9 5433 two.example.", "1 0 5434 gone.example."),
    ),
    ("two.example", "A"): (60, ("127.0.0.3",)),
}


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer(dict(ZONE)) as serving:
        yield serving


class Kept:
    """A balancer of one name, kept up to date while a test looks."""

    def __init__(self, server: DnsServer, peer: Peer, memory: FoundMemory | None = None, valid: float | None = None):
        resolver = Resolver((server.address,), valid, timeout=1.0)
        self.balancer = Balancer(Upstream("u", (peer,), resolver=resolver), time.monotonic)
        self.complaints: list[str] = []
        self.changes = 0
        servers = NameServers(resolver, 0.2)
        self.keeper = Reresolver(self.balancer, 0, servers, memory, self.changed, self.complaints.append)

    def changed(self, _balancer: Balancer) -> None:
        self.changes += 1

    @property
    def texts(self) -> list[str]:
        return [state.text for state in self.balancer.states]

    def until(self, *conditions: Callable[[], object]) -> None:
        """Run until each of the conditions in turn has been met."""

        async def run() -> None:
            task = asyncio.get_running_loop().create_task(self.keeper.run(), name="keeper")
            for condition in conditions:
                while not condition():
                    assert not task.done(), task
                    await asyncio.sleep(0.01)
            task.cancel()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(run(), seconds(15)))


def name(host: str = "one.example", port: int = 80, **fields: object) -> Peer:
    return Peer(f"{host}:{port}" if port else host, None, host, port, resolve=True, **fields)  # type: ignore[arg-type]


def test_addresses_come_and_go_with_the_answers(server: DnsServer) -> None:
    kept = Kept(server, name())
    kept.until(lambda: kept.texts == ["127.0.0.1:80", "127.0.0.2:80"])
    server.zone = {("one.example", "A"): (1, ("127.0.0.2", "127.0.0.9"))}
    staying = kept.balancer.states[1]
    kept.until(lambda: kept.texts == ["127.0.0.2:80", "127.0.0.9:80"])
    assert staying in kept.balancer.states


def test_the_ttl_says_when_to_ask_again(server: DnsServer) -> None:
    kept = Kept(server, name())
    began = time.monotonic()
    kept.until(lambda: server.asked["one.example", "A"] == 2)
    assert 0.9 < time.monotonic() - began < 5
    assert kept.changes == 1


def test_a_failure_leaves_what_was_known(server: DnsServer) -> None:
    kept = Kept(server, name())
    kept.until(lambda: kept.texts)
    server.code = dns.rcode.SERVFAIL
    kept.until(lambda: kept.complaints)
    assert kept.texts == ["127.0.0.1:80", "127.0.0.2:80"]
    assert kept.complaints[0] == "one.example could not be resolved (2: Server failure)"


def test_a_name_that_is_gone_has_no_peers_until_it_is_back(server: DnsServer) -> None:
    kept = Kept(server, name(), valid=1.0)
    zone = server.zone
    kept.until(lambda: kept.texts)
    server.zone = {}
    kept.until(lambda: not kept.texts)
    assert kept.complaints == ["one.example could not be resolved (3: Host not found)"]
    server.zone = zone
    kept.until(lambda: kept.texts)


def test_services_give_ports_weights_and_backups(server: DnsServer) -> None:
    kept = Kept(server, name("example", 0, service="db"))
    kept.until(lambda: kept.texts)
    assert [(state.text, state.peer.name, state.weight, state.peer.backup) for state in kept.balancer.states] == [
        ("127.0.0.1:5432", "one.example:5432", 5, False),
        ("127.0.0.2:5432", "one.example:5432", 5, False),
        ("127.0.0.3:5433", "two.example:5433", 9, True),
    ]


def test_services_of_a_backup_are_those_of_the_best_priority(server: DnsServer) -> None:
    kept = Kept(server, name("example", 0, service="db", backup=True, weight=3))
    kept.until(lambda: kept.texts)
    assert [(state.weight, state.peer.backup) for state in kept.balancer.states] == [(3, True), (3, True)]


def test_who_comes_later_begins_with_what_was_found(server: DnsServer) -> None:
    memory = FoundMemory(UNSHARED)
    for peer in (name(), name("example", 0, service="db")):
        first = Kept(server, peer, memory)
        first.until(lambda first=first: first.texts)  # type: ignore[misc]  # mypy infers no lambda with a default
        later = Kept(server, peer, memory)
        later.keeper.recall()
        assert later.changes == 1
        assert later.texts == first.texts
        assert [state.peer for state in later.balancer.states] == [state.peer for state in first.balancer.states]
        stranger = Kept(server, name("other.example"), memory)
        stranger.keeper.recall()
        assert stranger.texts == []


def test_the_name_of_a_service() -> None:
    assert asked_name(name()) == "one.example"
    assert asked_name(name("example", 0, service="http")) == "_http._tcp.example"
    assert asked_name(name("example", 0, service="server1.backend")) == "server1.backend.example"
