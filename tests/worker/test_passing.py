"""`proxy_pass` with variables: addresses, names, and what is neither."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from dns_server import DnsServer
from workerbench import Bench

from penstock.shared.model.address import Address, ipv4, ipv6
from penstock.worker import passing
from penstock.worker.passing import numeric, split
from penstock.worker.session import Session

TEXT = """
%%RESOLVER%%
upstream named { server 127.0.0.1:%%UP%%; }
server { listen 127.0.0.1:%%PORT_a%%; set $to %%TO%%; proxy_pass $to; }
"""


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield sock


def run(tmp_path: Path, listening: socket.socket, to: str, resolver: str = "") -> Bench:
    port = listening.getsockname()[1]
    return Bench(TEXT, tmp_path, UP=port, TO=to.replace("PORT", str(port)), RESOLVER=resolver)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.test:80", ("a.test", "", 80)),
        ("[::1]:80", ("::1", "", 80)),
        ("127.0.0.1:65535", ("127.0.0.1", "", 65535)),
        ("", ("", "no host", 0)),
        (":80", ("", "no host", 0)),
        ("a.test", ("a.test", "no port", 0)),
        ("[::1]", ("[::1]", "no port", 0)),
        ("a.test:", ("a.test", "invalid port", 0)),
        ("a.test:0", ("a.test", "invalid port", 0)),
        ("a.test:65536", ("a.test", "invalid port", 0)),
        ("a.test:8o", ("a.test", "invalid port", 0)),
        ("a.test:²", ("a.test", "invalid port", 0)),
        pytest.param("a.test:" + "9" * 5000, ("a.test", "invalid port", 0), id="a port of thousands of digits"),
    ],
)
def test_a_text_is_split_into_host_and_port(text: str, found: tuple[str, str, int]) -> None:
    assert split(text) == found


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", ipv4("127.0.0.1", 7)), ("::1", ipv6("::1", 7)), ("a.test", None), ("", None)]
)
def test_a_literal_is_told_from_a_name(host: str, address: Address | None) -> None:
    assert numeric(host, 7) == address


@pytest.mark.parametrize("to", ["127.0.0.1:PORT", "named"])
def test_an_address_and_an_upstreams_name_need_no_resolver(tmp_path: Path, listening: socket.socket, to: str) -> None:
    with run(tmp_path, listening, to) as bench:
        session, _, _ = bench.relay(listening)
        assert session.tries[0].address == f"127.0.0.1:{listening.getsockname()[1]}"
        assert bench.connects("ok") == 1


def test_a_unix_socket_is_reached(tmp_path: Path, listening: socket.socket) -> None:
    path = str(tmp_path / "up.sock")
    with run(tmp_path, listening, f"unix:{path}") as bench:
        session, _, _ = bench.relay(bench.upstream(path))
        assert session.tries[0].address == f"unix:{path}"


@pytest.mark.parametrize(
    ("to", "line"),
    [
        ("a.test", 'no port in upstream "a.test"'),
        ("''", 'no host in upstream ""'),
        ("a.test:http", 'invalid port in upstream "a.test:http"'),
        ("a.test:80", "no resolver defined to resolve a.test"),
    ],
)
def test_a_text_that_leads_nowhere_is_our_fault(tmp_path: Path, listening: socket.socket, to: str, line: str) -> None:
    with run(tmp_path, listening, to) as bench:
        assert bench.ended(bench.client())
        assert bench.line(line)
        assert bench.status(500) == 1


def test_a_name_is_resolved(tmp_path: Path, listening: socket.socket) -> None:
    with DnsServer({("up.test", "A"): (60, ("127.0.0.1",))}) as server:
        resolver = f"resolver 127.0.0.1:{server.port} ipv6=off;"
        with run(tmp_path, listening, "up.test:PORT", resolver) as bench:
            for _ in range(2):
                client = bench.client()
                client.send(b"through")
                assert bench.hear(bench.accepted(listening), 7) == b"through"
            assert server.asked["up.test", "A"] == 1


def test_a_name_that_does_not_exist_is_500_as_in_nginx(tmp_path: Path, listening: socket.socket) -> None:
    with DnsServer({}) as server:
        resolver = f"resolver 127.0.0.1:{server.port} ipv6=off;"
        with run(tmp_path, listening, "no.test:PORT", resolver) as bench:
            assert bench.ended(bench.client())
            assert bench.line("no.test could not be resolved (3: Host not found)")
            assert bench.status(500) == 1


def test_a_resolver_that_is_silent_is_not_waited_for(tmp_path: Path, listening: socket.socket) -> None:
    with DnsServer({}) as server:
        server.silent_for = lambda _name, _kind: True
        resolver = f"resolver 127.0.0.1:{server.port} ipv6=off; resolver_timeout 150ms;"
        with run(tmp_path, listening, "up.test:PORT", resolver) as bench:
            assert bench.ended(bench.client())
            assert bench.line("up.test could not be resolved (110: Operation timed out)")
            assert bench.refused("upstream_failed") == 1


def test_a_timeout_that_meets_the_answer_is_not_heard_twice(tmp_path: Path, listening: socket.socket) -> None:
    """The wheel turns between the end of the look-up and the call that tells the session of it."""
    with DnsServer({("up.test", "A"): (0, ("127.0.0.1",))}) as server:
        resolver = f"resolver 127.0.0.1:{server.port} ipv6=off;"
        with run(tmp_path, listening, "up.test:PORT", resolver) as bench:
            client, session = caught_in_between(bench, listening)
            session.expired()
            assert bench.ended(client)
            assert session.status == 500


def caught_in_between(bench: Bench, listening: socket.socket) -> tuple[socket.socket, Session]:
    """A client whose session's look-up is done, while the session does not know yet."""
    for _ in range(200):
        client = bench.client()
        while not bench.worker.sessions:
            bench.spin()
        (session,) = bench.worker.sessions
        tasks = [each for each in asyncio.all_tasks(bench.loop) if "Names.resolve" in repr(each)]
        while tasks and not tasks[0].done():
            bench.spin()
        if tasks and session.advance is not None and session.upstream_sock is None:
            return client, session
        bench.accepted(listening)
        client.close()
        bench.idle()
    raise AssertionError("the moment never came")


def test_stopping_while_a_name_is_looked_up_leaves_nothing(tmp_path: Path, listening: socket.socket) -> None:
    with DnsServer({("up.test", "A"): (60, ("127.0.0.1",))}) as server:
        server.silent_for = lambda _name, _kind: True
        resolver = f"resolver 127.0.0.1:{server.port} ipv6=off; resolver_timeout 500ms;"
        with run(tmp_path, listening, "up.test:PORT", resolver) as bench:
            client = bench.client()
            bench.until(lambda: server.asked)
            bench.worker.abort()
            assert bench.ended(client)


def test_a_text_keeps_its_balancer_until_its_addresses_change(tmp_path: Path, listening: socket.socket) -> None:
    with run(tmp_path, listening, "named") as bench:
        passes = bench.worker.passes
        one, two, three = (ipv4(f"127.0.0.{last}", 80) for last in (1, 2, 3))
        first = passes.addresses("up.test:80", (one, two), 5)
        assert passes.addresses("up.test:80", (two, one), 5) is first
        changed = passes.addresses("up.test:80", (two, three), 5)
        assert changed is not first
        assert {state.address for state in changed.states} == {two, three}
        assert {state.counters for state in changed.states} == {5}
        assert passes.addresses("up.test:80", (two, three), 6) is not changed


def test_what_clients_make_up_is_bounded_and_the_least_used_goes_first(
    tmp_path: Path, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "MAX_KNOWN", 4)
    with run(tmp_path, listening, "named") as bench:
        passes = bench.worker.passes
        address = (ipv4("127.0.0.1", 80),)
        kept = passes.addresses("kept:80", address, 0)
        for number in range(20):
            passes.addresses(f"{number}:80", address, 0)
            assert passes.addresses("kept:80", address, 0) is kept
        assert len(passes._known) == 4


def test_an_address_that_was_met_is_not_read_again(tmp_path: Path, listening: socket.socket) -> None:
    with run(tmp_path, listening, "127.0.0.1:PORT") as bench:
        session, _, _ = bench.relay(listening)
        text = session.tries[0].address
        met = session.balancer
        assert met is not None
        counters = met.states[0].counters
        assert bench.worker.passes.literal(text, counters) is met
        assert bench.worker.passes.literal(text, counters + 1) is None
        step = passing.choose_balancer(session)
        with pytest.raises(StopIteration) as done:
            step.send(None)
        assert done.value.value is met


def test_no_more_addresses_are_kept_than_the_limit(
    tmp_path: Path, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "MAX_KNOWN", 2)
    with run(tmp_path, listening, "named") as bench:
        passes = bench.worker.passes
        for port in (1, 2):
            passes.learn(f"127.0.0.1:{port}", ipv4("127.0.0.1", port), 0)
        passes.literal("127.0.0.1:1", 0)
        passes.learn("127.0.0.1:3", ipv4("127.0.0.1", 3), 0)
        assert [passes.literal(f"127.0.0.1:{port}", 0) is not None for port in (1, 2, 3)] == [True, False, True]
