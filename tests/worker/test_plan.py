"""The configuration compiled for a worker: what is shared, and what each target gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from certs import Authority
from workerbench import Bench

from penstock.shared.errors import PenstockError
from penstock.shared.model.address import ipv4, ipv6
from penstock.worker.naming import address_of
from penstock.worker.plan import Plan

TEXT = """
upstream up { server 127.0.0.1:%%UP%%; server 127.0.0.2:%%UP%% backup; }
server { listen 127.0.0.1:%%PORT_a%%; listen 127.0.0.1:%%PORT_b%%; proxy_pass up; error_log %%DIR%%/own.log info; }
server { listen 127.0.0.1:%%PORT_c%%; proxy_pass up; proxy_ssl on; proxy_connect_timeout 7s; proxy_half_close on; }
server { listen 127.0.0.1:%%PORT_d%%; proxy_pass $hostname:1; proxy_ssl on; error_log %%DIR%%/own.log info; }
server { listen 127.0.0.1:%%PORT_e%% ssl; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; return hi; }
stream_listen 127.0.0.1:%%PORT_gate%%;
deny 10.0.0.0/8;
service one { url tcp://127.0.0.1:%%UP%%; }
service two { host up; port 1; }
route r1 { protocols tls; snis a.test; service one; }
route r2 { protocols tls tcp; sources 127.0.0.0/8; service two; deny 127.0.0.9; }
route r3 { protocols tls_passthrough; snis b.test; }
certificate { snis a.test; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; }
"""


@pytest.fixture
def bench(tmp_path: Path, authority: Authority) -> Iterator[Bench]:
    pair = authority.issue("a.test")
    with Bench(TEXT, tmp_path, UP=9, CRT=pair.crt, KEY=pair.key) as running:
        yield running


def test_listeners_of_one_server_share_its_target(bench: Bench) -> None:
    a, b, c = (bench.listener(name) for name in "abc")
    assert a.target is b.target is not c.target
    assert a.cells != b.cells


def test_an_upstream_has_one_balancer_for_all_that_name_it(bench: Bench) -> None:
    up = bench.worker.balancers["up"]
    tables = bench.listener("gate").tables
    assert tables is not None
    assert bench.listener("a").target.balancer is up
    assert bench.listener("c").target.balancer is up
    assert tables.targets[1].balancer is up
    assert len({state.counters for state in up.states}) == 2


def test_equal_settings_share_a_context(bench: Bench) -> None:
    a, c, d = (bench.listener(name).target for name in "acd")
    assert c.upstream_context is d.upstream_context is not None
    assert a.upstream_context is None


def test_a_server_has_its_own_log_where_it_names_one(bench: Bench) -> None:
    assert bench.listener("a").target.log is not bench.worker.log
    assert bench.listener("c").target.log is bench.worker.log


def test_settings_are_read_off_flat(bench: Bench) -> None:
    a, c = bench.listener("a").target, bench.listener("c").target
    assert (a.connect_timeout, a.half_close) == (60.0, False)
    assert (c.connect_timeout, c.half_close) == (7.0, True)
    assert not a.tuned
    assert a.has_access


def test_each_kind_of_handler_has_its_own_attribute(bench: Bench) -> None:
    a, d, e = (bench.listener(name).target for name in "ade")
    assert a.template is a.reply is None
    assert d.balancer is None
    assert d.template is not None
    assert e.reply is not None
    assert e.server_context is not None
    assert a.server_context is None


def test_routes_have_targets_and_contexts_by_certificate(bench: Bench) -> None:
    entrance = bench.listener("gate")
    tables = entrance.tables
    assert tables is not None
    assert bench.listener("a").tables is None
    targets = tables.targets.complete()
    assert [target.route_name for target in targets] == ["r1", "r2", "r3"]
    assert [target.service_name for target in targets] == ["one", "two", ""]
    r1, r2, r3 = (target.certificate_contexts for target in targets)
    assert r1 is r2
    assert r1 is not None
    assert r3 is None
    assert set(r1) == {None, 0}
    assert tables.targets[2].balancer is None
    assert entrance.target.number == 0


def test_the_gateways_own_rules_are_applied_once(bench: Bench) -> None:
    entrance = bench.listener("gate")
    assert entrance.tables is not None
    assert entrance.target.has_access
    assert [target.has_access for target in entrance.tables.targets.complete()] == [False, True, False]


def test_a_context_that_cannot_be_filled_is_a_refusal_to_start(bench: Bench) -> None:
    bench.birth.contexts.clear()  # type: ignore[attr-defined]  # as if the master had made none
    with pytest.raises((PenstockError, KeyError)):
        Plan(bench.worker).build()


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", ipv4("127.0.0.1", 5)), ("::1", ipv6("::1", 5)), ("fe80::1%2", ipv6("fe80::1%2", 5))],
)
def test_an_address_is_made_of_what_was_resolved(host: str, address: object) -> None:
    assert address_of(host, 5) == address


def test_a_peer_that_could_not_be_resolved_at_the_start_joins_later(tmp_path: Path) -> None:
    """The system knows `localhost`; the configuration was built when it did not."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        port = listening.getsockname()[1]
        text = f"upstream up {{ server localhost:{port}; }} server {{ listen 127.0.0.1:%%PORT_a%%; proxy_pass up; }}"
        with Bench(text, tmp_path, resolve=nobody) as bench:
            up = bench.worker.balancers["up"]
            bench.until(lambda: up.states)
            assert bench.line('"localhost" in upstream "up" is 127.0.0.1')
            bench.relay(listening)
            assert bench.connects("ok") == 1


def nobody(host: str) -> list[str]:
    raise OSError(-2, "Name or service not known", host)
