"""Who asks for the names of peers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from record_making import put, service, target, upstream
from workerbench import Bench

from penstock.shared.live.upstreams import implicit_of
from penstock.shared.model.address import ipv4, ipv6
from penstock.worker.naming import address_of

GATE = "stream_listen 127.0.0.1:%%PORT_a%%;"


def test_addresses_are_of_their_family() -> None:
    assert address_of("127.0.0.1", 1) == ipv4("127.0.0.1", 1)
    assert address_of("fe80::1%eth0", 1) == ipv6("fe80::1%eth0", 1)


def test_a_name_of_the_beginning_is_asked_for_once_the_worker_begins(tmp_path: Path) -> None:
    with Bench(GATE, tmp_path, records=[("services", service("s", "localhost", 5))]) as bench:
        live = bench.birth.live
        assert live is not None
        (made,) = live.services()
        balancer = bench.plan.balancer(made.service.upstream)
        bench.until(lambda: balancer.states, "the name is resolved")
        assert {state.address.port for state in balancer.states} == {5}


def test_the_system_is_asked_again_for_as_long_as_the_upstream_is_there(tmp_path: Path) -> None:
    with Bench(GATE, tmp_path, records=[]) as bench:
        implicit = implicit_of("localhost", 5, None)
        balancer = bench.plan.balancer(implicit)
        asking = [task for task in asyncio.all_tasks(bench.loop) if task.get_name() == "resolve localhost"]
        bench.until(lambda: balancer.states, "the name is resolved")
        assert len(asking) == 1
        assert not asking[0].done()
        bench.plan.renew(implicit, None)
        bench.until(asking[0].done, "nobody asks any more")


def test_a_target_that_stays_keeps_the_addresses_of_its_name(tmp_path: Path) -> None:
    records = [("upstreams", upstream("up")), ("targets", target("up", "localhost:5"))]
    with Bench(GATE, tmp_path, records=records) as bench:
        balancer = bench.worker.balancers["up"]
        bench.until(lambda: balancer.states, "the name is resolved")
        before = set(balancer.states)
        live = bench.birth.live
        assert live is not None
        old = next(iter(live.upstreams()))
        live.apply([put("targets", target("up", "127.0.0.9:9"))])
        bench.plan.renew(old, next(iter(live.upstreams())))
        assert before < set(balancer.states)
