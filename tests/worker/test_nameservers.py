"""Questions to real name servers on loopback."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import dns.rcode
import pytest
import uvloop
from deadline import seconds
from dns_server import DnsServer

from penstock.shared.model.upstream import Resolver
from penstock.worker.nameservers import Answer, NameServers, Services, Target, Unresolved

T = TypeVar("T")

ZONE = {
    ("a.example", "A"): (60, ("127.0.0.1", "127.0.0.2")),
    ("a.example", "AAAA"): (30, ("::1",)),
    ("four.example", "A"): (60, ("127.0.0.4",)),
    ("alias.example", "CNAME"): (5, ("four.example.",)),
    ("loop.example", "CNAME"): (5, ("loop2.example.",)),
    ("loop2.example", "CNAME"): (5, ("loop.example.",)),
    ("text.example", "TXT"): (5, ("hello",)),
}


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer(ZONE) as serving:
        yield serving


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(coroutine, seconds(15)))


def ask(host: str, *servers: DnsServer, resend: float = 0.2, **wanted: Any) -> Answer:
    resolver = Resolver(tuple(each.address for each in servers), **wanted)
    return run(NameServers(resolver, resend).addresses(host))


def refusal(host: str, *servers: DnsServer, resend: float = 0.2, **wanted: Any) -> str:
    with pytest.raises(Unresolved) as caught:
        ask(host, *servers, resend=resend, **wanted)
    return str(caught.value)


def test_both_families_are_found_with_the_shorter_ttl(server: DnsServer) -> None:
    answer = ask("a.example", server)
    assert (sorted(answer.addresses), answer.ttl) == (["127.0.0.1", "127.0.0.2", "::1"], 30)


def test_valid_replaces_the_ttl(server: DnsServer) -> None:
    assert ask("a.example", server, valid=7.5).ttl == 7.5


@pytest.mark.parametrize(("off", "kinds"), [("ipv4", {"AAAA"}), ("ipv6", {"A"})])
def test_a_family_that_is_off_is_not_asked_for(server: DnsServer, off: str, kinds: set[str]) -> None:
    ask("a.example", server, **{off: False})
    assert {kind for _, kind in server.asked} == kinds


def test_a_name_of_one_family_is_found(server: DnsServer) -> None:
    assert ask("four.example", server) == Answer(("127.0.0.4",), 60)


def test_an_alias_is_followed_and_its_ttl_counts(server: DnsServer) -> None:
    assert ask("alias.example", server) == Answer(("127.0.0.4",), 5)


def test_aliases_that_go_round_end(server: DnsServer) -> None:
    assert refusal("loop.example", server) == "2: Server failure"


@pytest.mark.parametrize("host", ["missing.example", "text.example", "a..b", "x" * 64, "ü" * 64])
def test_a_name_without_address_is_not_found(server: DnsServer, host: str) -> None:
    assert refusal(host, server) == "3: Host not found"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (dns.rcode.SERVFAIL, "2: Server failure"),
        (dns.rcode.REFUSED, "5: Operation refused"),
        (dns.rcode.YXDOMAIN, "6: Unknown error"),
    ],
)
def test_a_server_that_cannot_help_is_quoted_at_once(server: DnsServer, code: dns.rcode.Rcode, words: str) -> None:
    server.code = code
    assert refusal("a.example", server, timeout=60) == words


def test_the_next_server_is_asked_when_one_cannot_help(server: DnsServer) -> None:
    with DnsServer({}) as broken:
        broken.code = dns.rcode.SERVFAIL
        for servers in ((broken, server), (server, broken)):
            assert ask("four.example", *servers, resend=60).addresses == ("127.0.0.4",)


def test_the_next_server_is_asked_when_one_is_silent(server: DnsServer) -> None:
    with DnsServer({}) as silent:
        silent.silent_for = lambda _name, _kind: True
        for servers in ((silent, server), (server, silent)):
            assert ask("four.example", *servers).addresses == ("127.0.0.4",)


def test_servers_take_turns(server: DnsServer) -> None:
    async def twice() -> None:
        servers = NameServers(Resolver((server.address, second.address)))
        await servers.addresses("four.example")
        await servers.addresses("four.example")

    with DnsServer(ZONE) as second:
        run(twice())
        assert server.asked == second.asked


def test_silence_ends_with_the_timeout(server: DnsServer) -> None:
    server.silent_for = lambda _name, _kind: True
    assert refusal("a.example", server, resend=0.05, timeout=0.2) == "110: Operation timed out"
    assert server.asked["a.example", "A"] > 1


def test_a_family_that_stays_silent_does_not_hold_up_the_other(server: DnsServer) -> None:
    server.silent_for = lambda _name, kind: kind == "AAAA"
    assert sorted(ask("a.example", server, timeout=60).addresses) == ["127.0.0.1", "127.0.0.2"]


def test_a_timeout_is_told_rather_than_the_empty_family(server: DnsServer) -> None:
    server.silent_for = lambda _name, kind: kind == "A"
    assert refusal("four.example", server, timeout=0.2) == "110: Operation timed out"


def test_a_truncated_answer_is_asked_for_over_tcp(server: DnsServer) -> None:
    server.truncating = True
    assert sorted(ask("a.example", server).addresses) == ["127.0.0.1", "127.0.0.2", "::1"]


def test_an_answer_to_another_question_is_passed_over(server: DnsServer) -> None:
    server.forging = True
    assert ask("four.example", server, resend=60).addresses == ("127.0.0.4",)


def test_a_question_that_is_cancelled_leaves_nothing_behind(server: DnsServer) -> None:
    server.silent_for = lambda _name, _kind: True

    async def cancelled() -> bool:
        gc.collect()  # what earlier tests have left must not be counted as ours
        before = len(os.listdir("/proc/self/fd"))
        tasks = asyncio.all_tasks()
        task = asyncio.ensure_future(NameServers(Resolver((server.address,))).addresses("a.example"))
        while sum(server.asked.values()) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while len(os.listdir("/proc/self/fd")) > before:  # transports close in the loop's next turns
            await asyncio.sleep(0.01)
        return asyncio.all_tasks() == tasks

    assert run(cancelled())


SERVICES = {
    ("_db._tcp.example", "SRV"): (40, ("1 5 5432 four.example.", "2 0 5433 a.example.")),
    ("none.example", "SRV"): (40, ("0 0 0 .",)),
    ("alias.example", "CNAME"): (5, ("_db._tcp.example.",)),
}


def services(name: str, **wanted: Any) -> Services:
    with DnsServer(SERVICES) as serving:
        return run(NameServers(Resolver((serving.address,), **wanted), 0.2).services(name))


def test_services_have_hosts_ports_priorities_and_weights() -> None:
    found = services("_db._tcp.example")
    assert sorted(found.targets, key=lambda target: target.priority) == [
        Target("four.example", 5432, 1, 5),
        Target("a.example", 5433, 2, 0),
    ]
    assert found.ttl == 40
    assert services("_db._tcp.example", valid=3.0).ttl == 3.0
    assert services("alias.example").ttl == 5


@pytest.mark.parametrize("name", ["none.example", "nowhere.example"])
def test_a_service_that_is_not_there_is_absent(name: str) -> None:
    with pytest.raises(Unresolved) as caught:
        services(name)
    assert caught.value.absent


def test_a_failure_is_not_absence(server: DnsServer) -> None:
    server.code = dns.rcode.SERVFAIL
    with pytest.raises(Unresolved) as caught:
        ask("a.example", server)
    assert not caught.value.absent
