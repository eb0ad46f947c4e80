"""Changes in one worker: what is made anew, what stays, and what is answered."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from certs import Authority
from plugin_folder import plugins
from record_making import certificate, gone, plugin, put, route, service, sni, target, upstream
from workerbench import Bench

from penstock.shared.live.records import Changed
from penstock.shared.live.wire import written
from penstock.shared.messages import Verb, decode
from penstock.worker.kit.barrier import Barrier
from penstock.worker.target import Target

TEXT = """
stream_listen 127.0.0.1:%%PORT_a%%;
service file { url tcp://127.0.0.1:9; }
route file { protocols tls; snis file.test; service file; }
"""
RECORDS = [
    ("services", service("s")),
    ("services", service("t", port=81)),
    ("routes", route("r", "s", snis="r.test")),
    ("routes", route("q", "t", snis="q.test")),
]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(TEXT, tmp_path, records=RECORDS) as running:
        yield running


def taken(bench: Bench, name: str) -> Target:
    tables = bench.listener().tables
    assert tables is not None
    index = tables.router.match(True, name, ("127.0.0.1", 1), ("127.0.0.1", 2))
    assert index is not None
    return tables.targets[index]


def change(bench: Bench, *changes: Changed) -> str:
    """Give the worker changes; its answer."""
    live = bench.plan.live
    assert live is not None
    live.receive("7", written(changes))
    answers: list[bytes] = []

    def answered() -> bool:
        try:
            answers.append(bench.master.recv(65536))
        except BlockingIOError:
            return False
        return True

    bench.until(answered, "the worker answers")
    verb, text = decode(answers[0])
    return f"{verb.name} {text}"


def where(target: Target) -> list[str]:
    assert target.balancer is not None
    return [state.text for state in target.balancer.states]


def test_records_of_the_beginning_are_targets(bench: Bench) -> None:
    assert [taken(bench, f"{name}.test").route_name for name in ("r", "q", "file")] == ["r", "q", "file"]
    assert where(taken(bench, "r.test")) == ["127.0.0.1:80"]


def test_a_service_has_new_targets_for_its_own_routes_only(bench: Bench) -> None:
    r, q = taken(bench, "r.test"), taken(bench, "q.test")
    assert change(bench, put("services", service("s", port=82))) == "APPLIED 7"
    assert where(taken(bench, "r.test")) == ["127.0.0.1:82"]
    assert where(r) == ["127.0.0.1:80"]
    assert taken(bench, "q.test") is q
    assert taken(bench, "r.test") is not r


def test_targets_of_services_that_plugins_choose_go_with_the_services(bench: Bench) -> None:
    kit, made = bench.worker.kit, len(bench.plan.made)
    assert kit is not None
    change(bench, put("plugins", plugin("ip-restriction", route="r", deny=["10.0.0.0/8"])))
    for port in range(1, 20):
        change(bench, put("services", service("s", port=port)))
        chosen = kit.service_target("s")
        assert chosen is not None
        assert where(chosen) == [f"127.0.0.1:{port}"]
    assert len(bench.plan.made) == made


def test_equal_places_share_a_balancer(bench: Bench) -> None:
    change(bench, put("services", service("t")))
    assert taken(bench, "r.test").balancer is taken(bench, "q.test").balancer


def test_targets_move_under_their_balancer(bench: Bench) -> None:
    change(
        bench,
        put("upstreams", upstream("up")),
        put("targets", target("up", "127.0.0.1:1")),
        put("services", service("s", "up")),
    )
    balancer = taken(bench, "r.test").balancer
    assert balancer is not None
    first = balancer.states[0]
    change(bench, put("targets", target("up", "127.0.0.2:2")))
    assert taken(bench, "r.test").balancer is balancer
    assert first in balancer.states
    assert len({state.counters for state in balancer.states}) == 2
    assert bench.worker.balancers["up"] is balancer
    change(bench, put("upstreams", upstream("up", algorithm="least-connections")))
    assert taken(bench, "r.test").balancer is bench.worker.balancers["up"] is not balancer
    change(bench, put("services", service("s")), gone("upstreams", "up"))
    assert "up" not in bench.worker.balancers


def test_contexts_are_made_when_they_are_needed_and_dropped_with_their_certificate(
    bench: Bench, authority: Authority
) -> None:
    pair = authority.issue("r.test")
    texts = pair.crt.read_text(), pair.key.read_text()
    contexts = taken(bench, "r.test").certificate_contexts
    assert contexts is not None
    change(bench, put("certificates", certificate("c", *texts)), put("snis", sni("r.test", "c")))
    tables = bench.listener().tables
    assert tables is not None
    number = tables.choice.choose("r.test")
    first = contexts[number]
    assert contexts[number] is first
    assert contexts[None] is not first
    assert taken(bench, "file.test").certificate_contexts is contexts
    change(bench, put("certificates", certificate("c", *texts)))
    assert contexts[number] is not first


def test_a_broken_certificate_leaves_the_default_in_its_place(bench: Bench) -> None:
    change(bench, put("certificates", certificate("c", "nonsense", "more of it")), put("snis", sni("r.test", "c")))
    tables, contexts = bench.listener().tables, taken(bench, "r.test").certificate_contexts
    assert tables is not None
    assert contexts is not None
    assert contexts[tables.choice.choose("r.test")][0] is contexts[None][0]
    assert bench.lines("the default certificate serves in its place")


def test_plugins_are_prepared_before_the_change_is_in_force(bench: Bench) -> None:
    assert change(bench, put("plugins", plugin("ip-restriction", route="r", deny=["10.0.0.0/8"]))) == "APPLIED 7"
    assert [each.name for each in taken(bench, "r.test").plugins] == ["ip-restriction"]
    assert taken(bench, "q.test").plugins == ()
    assert change(bench, put("plugins", plugin("ip-restriction", deny=["10.0.0.0/8"]))) == "APPLIED 7"
    assert [len(taken(bench, f"{name}.test").plugins) for name in ("r", "q", "file")] == [1, 1, 1]
    assert bench.listener().target.plugins
    change(bench, gone("plugins", "ip-restriction/None/None"), gone("plugins", "ip-restriction/None/r"))
    assert [taken(bench, f"{name}.test").plugins for name in ("r", "q", "file")] == [(), (), ()]


@pytest.mark.parametrize("config", [{"name": "no-such"}, {"name": "ip-restriction", "deny": ["nonsense"]}])
def test_nobody_gets_past_a_plugin_that_decides_and_cannot_be(bench: Bench, config: dict[str, Any]) -> None:
    name = str(config.pop("name"))
    answer = change(bench, put("plugins", plugin(name, route="r", **config)))
    assert answer.startswith("APPLIED 7 ")
    assert name in answer
    assert "the sessions it is for are refused" in answer
    (barrier,) = taken(bench, "r.test").plugins
    assert (barrier.name, type(barrier.plugin)) == (name, Barrier)
    assert taken(bench, "q.test").plugins == ()
    change(bench, gone("plugins", f"{name}/None/r"))
    assert taken(bench, "r.test").plugins == ()


def test_a_plugin_that_only_logs_and_cannot_be_is_left_out_and_told(bench: Bench) -> None:
    answer = change(bench, put("plugins", plugin("file-log", route="r")))
    assert "the plugin is left out" in answer
    assert taken(bench, "r.test").plugins == ()


def test_a_mistake_of_ours_is_a_rejection(bench: Bench) -> None:
    bench.allowed_alerts = 1
    live = bench.plan.live
    assert live is not None
    descriptor = os.memfd_create("nonsense")
    os.write(descriptor, b"{")
    live.receive("7", descriptor)
    assert decode(bench.master.recv(1000))[1].startswith("7 JSONDecodeError")


def test_a_record_that_is_not_as_it_should_be_takes_no_other_along(bench: Bench) -> None:
    r = route("r", "s", snis="new.test")
    answer = change(bench, Changed("routes", "x", {"id": "x"}), put("routes", r))
    assert answer == "APPLIED 7 route x cannot be used (KeyError: 'protocols')"
    assert taken(bench, "new.test").route_name == "r"


def test_changes_keep_their_order_behind_one_that_waits(bench: Bench) -> None:
    live = bench.plan.live
    assert live is not None
    live.receive("1", written([put("plugins", plugin("ip-restriction", route="r", deny=["10.0.0.0/8"]))]))
    live.receive("2", written([put("services", service("s", port=82))]))
    bench.loop.run_until_complete(live.settled())
    bench.master.setblocking(False)
    assert [decode(bench.master.recv(100)) for _ in "12"] == [(Verb.APPLIED, "1"), (Verb.APPLIED, "2")]
    with pytest.raises(BlockingIOError):
        bench.master.recv(100, socket.MSG_DONTWAIT)


def test_names_that_are_unknown_yet_hold_up_no_other_change(tmp_path: Path) -> None:
    with Bench(TEXT, tmp_path, records=RECORDS) as bench:
        live = bench.plan.live
        assert live is not None
        live.receive("1", written([put("services", service("t", "nowhere.invalid"))]))
        live.receive("2", written([put("services", service("s", port=82))]))
        assert where(taken(bench, "r.test")) == ["127.0.0.1:82"]
        with pytest.raises(BlockingIOError):
            bench.master.recv(100)
        bench.until(lambda: not live.waits, "both are answered")
        assert [decode(bench.master.recv(100)) for _ in "12"] == [(Verb.APPLIED, "1"), (Verb.APPLIED, "2")]


def test_a_plugin_that_closes_slowly_holds_up_no_other_change(tmp_path: Path) -> None:
    body = "async def close(self): await asyncio.sleep(60)"
    with Bench(plugins(tmp_path, slow=body) + TEXT, tmp_path, records=RECORDS) as bench:
        assert change(bench, put("plugins", plugin("slow", route="r"))) == "APPLIED 7"
        assert change(bench, gone("plugins", "slow/None/r")) == "APPLIED 7"
        assert change(bench, put("services", service("s", port=82))) == "APPLIED 7"


def test_health_checks_can_be_switched_off(bench: Bench) -> None:
    checks = {"threshold": 50, "passive": {"unhealthy": {"tcp_failures": 1}}}
    peer = put("targets", target("up", "127.0.0.1:1"))
    change(bench, put("upstreams", upstream("up", healthchecks=checks)), peer, put("services", service("s", "up")))
    balancer = taken(bench, "r.test").balancer
    assert balancer is not None
    assert balancer.states[0].health is not None
    change(bench, put("upstreams", upstream("up")))
    assert balancer.states[0].health is None
    zone = bench.birth.zones.health
    assert zone is not None
    zone.set(zone.record("up", "127.0.0.1:1"), ill=True)
    bench.worker.health._look()
    assert balancer.pick() is not None


def test_the_master_is_told_which_addresses_names_have(bench: Bench) -> None:
    checks = {"threshold": 0, "passive": {"unhealthy": {"tcp_failures": 1}}}
    peer = put("targets", target("up", "localhost:1"))
    change(bench, put("upstreams", upstream("up", healthchecks=checks)), peer, put("services", service("s", "up")))
    balancer, zone = taken(bench, "r.test").balancer, bench.birth.zones.health
    assert balancer is not None
    assert zone is not None
    assert [zone.seen(zone.record("up", state.text)) > 0 for state in balancer.states] == [True]
