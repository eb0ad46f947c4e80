"""Records that change while sessions run: real workers, real clients."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from certs import Authority
from clients import careless, connect, connect_tls, echoed, ended_without_a_byte
from deadline import wait_for
from peers import Peer
from published import Published
from record_making import ca_certificate, certificate, gone, identity, put, puts, route, service, sni, target, upstream

from penstock.shared.live.records import Record

CONFIG = """
worker_processes 2;
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    service written { url tcp://%%PEER_C%%; }
    route written { protocols tls; snis written.test; service written; }
}
"""
OFTEN = 12
"""Connections that meet both workers, all but surely."""


@pytest.fixture
def gate(tmp_path: Path, peer_c: Peer) -> Iterator[Published]:
    with Published(tmp_path, CONFIG, PEER_C=peer_c) as running:
        yield running


def at(peer: Peer) -> dict[str, Any]:
    """Where a peer is, as a service's fields."""
    host, port = str(peer).rsplit(":", 1)
    return {"host": host, "port": int(port)}


def two(peer: Peer, name: str = "a.test", **more: Any) -> list[tuple[str, Record]]:
    """A service and a route to it."""
    return [("services", service("s", **at(peer) | more)), ("routes", route("r", "s", snis=name))]


def met(gate: Published, name: str = "a.test", times: int = OFTEN) -> set[bytes]:
    """Whom sessions meet; nothing is a refusal."""
    found = set()
    for _ in range(times):
        try:
            with connect_tls(gate.port("one"), careless(), name) as client:
                found.add(client.recv(1))
        except (ssl.SSLError, OSError):
            found.add(b"")
    return found


def shown(gate: Published, name: str) -> set[bool]:
    """Whether clients are shown a certificate for the name."""
    found = set()
    for _ in range(OFTEN):
        with connect_tls(gate.port("one"), careless(), name) as client:
            certificate = client.getpeercert(binary_form=True)
            assert certificate is not None
            found.add(name.encode() in certificate)
    return found


def test_a_change_is_in_force_on_every_worker_when_it_is_acknowledged(
    gate: Published, peer_a: Peer, peer_b: Peer
) -> None:
    assert met(gate) == {b""}
    outcome = gate.publish(*puts(*two(peer_a)))
    assert sorted(outcome["applied"]) == sorted(gate.workers())
    assert met(gate) == {b"a"}
    gate.publish(put("services", service("s", **at(peer_b))))
    assert met(gate) == {b"b"}
    gate.publish(put("routes", route("r", "s", snis="b.test")))
    assert (met(gate), met(gate, "b.test"), met(gate, "written.test")) == ({b""}, {b"b"}, {b"c"})
    gate.publish(gone("routes", "r"), gone("services", "s"))
    assert met(gate, "b.test") == {b""}


def test_plain_traffic_finds_a_route_by_its_port(gate: Published, echo: Peer) -> None:
    with connect(gate.port("one")) as client:
        client.sendall(b"x")
        assert ended_without_a_byte(client)
    ends = [f":{gate.port('one')}"]
    gate.publish(*puts(("services", service("s", **at(echo))), ("routes", route("r", "s", "tcp", destinations=ends))))
    with connect(gate.port("one")) as client:
        assert echoed(client, b"plain") == b"plain"


def test_open_sessions_keep_what_they_have(gate: Published, echo: Peer, peer_b: Peer) -> None:
    gate.publish(*puts(*two(echo)))
    with connect_tls(gate.port("one"), careless(), "a.test") as client:
        assert echoed(client, b"before") == b"before"
        gate.publish(put("services", service("s", **at(peer_b))))
        assert echoed(client, b"after") == b"after"
        gate.publish(gone("routes", "r"), gone("services", "s"))
        assert echoed(client, b"at last") == b"at last"
    assert gate.workers()


def test_targets_come_and_go(gate: Published, peer_a: Peer, peer_b: Peer) -> None:
    gate.publish(
        *puts(
            ("upstreams", upstream("up")),
            ("targets", target("up", str(peer_a))),
            ("services", service("s", "up")),
            ("routes", route("r", "s", snis="a.test")),
        )
    )
    assert met(gate) == {b"a"}
    gate.publish(put("targets", target("up", str(peer_b))))
    assert met(gate) == {b"a", b"b"}
    gate.publish(put("targets", target("up", str(peer_a), weight=0)))
    assert met(gate) == {b"b"}
    gate.publish(put("upstreams", upstream("up", algorithm="consistent-hashing", hash_on="ip")))
    assert met(gate) == {b"b"}
    gate.publish(gone("targets", f"up/{peer_b}"))
    assert met(gate) == {b""}


def test_health_checks_of_a_record_take_a_dead_target_out(gate: Published, peer_a: Peer) -> None:
    dead = f"127.0.0.1:{gate.port('nobody')}"
    gate.publish(
        *puts(
            ("upstreams", upstream("up", healthchecks={"passive": {"unhealthy": {"tcp_failures": 1}}})),
            ("targets", target("up", str(peer_a))),
            ("targets", target("up", dead)),
            ("services", service("s", "up")),
            ("routes", route("r", "s", snis="a.test")),
        )
    )
    assert met(gate) == {b"a"}
    wait_for(lambda: gate.metric("penstock_upstream_peer_up", peer=dead) == 0, "the dead target is known to be")
    assert gate.metric("penstock_upstream_peer_up", peer=str(peer_a)) == 1
    failed = gate.metric("penstock_upstream_connects_total", peer=dead, outcome="refused")
    assert 1 <= failed <= 2
    assert met(gate) == {b"a"}
    assert gate.metric("penstock_upstream_connects_total", peer=dead, outcome="refused") == failed


def test_a_name_is_resolved_before_the_change_is_in_force(gate: Published, peer_a: Peer) -> None:
    gate.publish(*puts(*two(peer_a, host="localhost")))
    assert met(gate) == {b"a"}


def test_a_disabled_service_is_no_destination(gate: Published, peer_a: Peer) -> None:
    gate.publish(*puts(*two(peer_a, enabled=False)))
    assert met(gate) == {b""}
    gate.publish(put("services", service("s", **at(peer_a))))
    assert met(gate) == {b"a"}


def test_certificates_change_without_touching_sessions(gate: Published, echo: Peer, authority: Authority) -> None:
    one, other = authority.issue("a.test"), authority.issue("two.test", "a.test", rsa=True)
    gate.publish(*puts(*two(echo)))
    assert shown(gate, "a.test") == {False}
    gate.publish(
        put("certificates", certificate("c", one.crt.read_text(), one.key.read_text())), put("snis", sni("a.test", "c"))
    )
    assert shown(gate, "a.test") == {True}
    with connect_tls(gate.port("one"), authority.client(), "a.test") as client:
        gate.publish(put("certificates", certificate("c", other.crt.read_text(), other.key.read_text())))
        assert echoed(client, b"still") == b"still"
    with connect_tls(gate.port("one"), authority.client(), "a.test") as client:
        assert ("DNS", "two.test") in client.getpeercert()["subjectAltName"]  # type: ignore[index]  # there is
    gate.publish(gone("snis", "a.test"))
    assert shown(gate, "a.test") == {False}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_resume_on_any_worker_and_after_a_reload(
    gate: Published, echo: Peer, authority: Authority, version: ssl.TLSVersion
) -> None:
    pair = authority.issue("a.test")
    gate.publish(
        *puts(*two(echo)),
        put("certificates", certificate("c", pair.crt.read_text(), pair.key.read_text())),
        put("snis", sni("a.test", "c")),
    )
    context = careless(minimum_version=version, maximum_version=version)
    with connect_tls(gate.port("one"), context, "a.test") as client:
        assert echoed(client, b"x") == b"x"
        session = client.session
    for turn in range(2):
        for _ in range(OFTEN):
            with connect(gate.port("one")) as plain:
                client = context.wrap_socket(plain, server_hostname="a.test", session=session)
                assert client.session_reused
                assert echoed(client, b"x") == b"x"
                client.close()
        if not turn:
            gate.reload()


def test_upstream_tls_is_verified_against_records(gate: Published, tls_echo: Peer, authority: Authority) -> None:
    gate.publish(*puts(*two(tls_echo, protocol="tls", tls_verify=True)))
    assert met(gate, times=2) == {b""}
    ca = ca_certificate("ca", authority.file.read_text())
    gate.publish(
        put("ca_certificates", ca),
        put("upstreams", upstream("up", host_header="peer.test")),
        put("targets", target("up", str(tls_echo))),
        put("services", service("s", "up", protocol="tls", tls_verify=True, ca_certificates=[ca["id"]])),
    )
    with connect_tls(gate.port("one"), careless(), "a.test") as client:
        assert echoed(client, b"x") == b"x"


def test_workers_that_come_later_have_everything(gate: Published, peer_a: Peer, peer_b: Peer) -> None:
    gate.publish(*puts(*two(peer_a)))
    gate.trouble = re.compile("Traceback")
    before = set(gate.workers())
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(set(gate.workers()) - before) == 2 and gate.metric("penstock_workers") == 2, "two new workers")
    assert met(gate) == {b"a"}
    gate.reload()
    assert met(gate) == {b"a"}
    gate.publish(put("services", service("s", **at(peer_b))))
    assert met(gate) == {b"b"}


def test_records_of_the_beginning_are_there(tmp_path: Path, peer_a: Peer, peer_c: Peer) -> None:
    with Published(tmp_path, CONFIG, two(peer_a), PEER_C=peer_c) as gate:
        assert met(gate) == {b"a"}


def test_a_silent_worker_is_replaced(gate: Published, peer_a: Peer) -> None:
    gate.trouble = re.compile("Traceback")
    mute, other = gate.workers()
    os.kill(mute, signal.SIGSTOP)
    outcome = gate.publish(*puts(*two(peer_a)))
    assert (outcome["applied"], outcome["replaced"]) == ([other], [mute])
    gate.logged(f"worker process {mute} did not apply a change within 2.002 s and is replaced")
    wait_for(lambda: mute not in gate.workers() and gate.metric("penstock_workers") == 2, "another is there")
    assert met(gate) == {b"a"}


def test_counters_of_routes_that_come_and_go(gate: Published, peer_a: Peer) -> None:
    name, labels = "penstock_sessions_total", {"route": "r", "service": "s", "status": "200"}
    gate.publish(*puts(*two(peer_a)))
    assert gate.metric(name, **labels) == 0
    met(gate, times=3)
    gate.wait_metric(name, 3, **labels)
    gate.wait_metric("penstock_upstream_connects_total", 3, upstream=str(peer_a), peer=str(peer_a), outcome="ok")
    gate.publish(gone("routes", "r"))
    assert gate.metric(name, **labels) == 3
    gate.publish(put("routes", route("r", "s", snis="b.test")))
    met(gate, "b.test", times=2)
    gate.wait_metric(name, 5, **labels)
    gate.reload()
    gate.wait_metric(name, 5, **labels)
    before = gate.metrics().counters()
    met(gate, "b.test", times=1)
    gate.wait_metric(name, 6, **labels)
    after = gate.metrics().counters()
    assert all(after[key] >= value for key, value in before.items())


def test_a_large_change_arrives_in_parts_and_whole(gate: Published, peer_a: Peer) -> None:
    many = [("routes", route(f"r{n}", "s", snis=f"h{n}.test")) for n in range(5000)]
    outcome = gate.publish(*puts(("services", service("s", **at(peer_a))), *many))
    assert sorted(outcome["applied"]) == sorted(gate.workers())
    assert met(gate, "h0.test") == met(gate, "h4999.test") == {b"a"}


def test_publishing_goes_on_through_reloads(gate: Published, peer_a: Peer) -> None:
    gate.publish(put("services", service("s", **at(peer_a))))
    gate.signal(signal.SIGHUP)
    for number in range(30):
        gate.publish(put("routes", route(f"r{number}", "s", snis=f"h{number}.test")))
    wait_for(lambda: gate.generation() == 2, "the reload is over")
    for number in (0, 15, 29):
        assert met(gate, f"h{number}.test") == {b"a"}


def test_plugins_come_with_records(gate: Published, peer_a: Peer) -> None:
    gate.publish(*puts(*two(peer_a)))
    denying = {
        "id": identity("plugins", "p"), "name": "ip-restriction", "instance_name": None, "created_at": 1790000000,
        "updated_at": 1790000000, "enabled": True, "protocols": ["tcp", "tls"], "tags": None, "consumer": None,
        "route": {"id": identity("routes", "r")}, "service": None, "config": {"deny": ["127.0.0.1"]},
    }  # fmt: skip
    assert gate.publish(put("plugins", denying))["reasons"] == []
    assert met(gate) == {b""}
    assert met(gate, "written.test") == {b"c"}
    gate.publish(put("plugins", denying | {"enabled": False}))
    assert met(gate) == {b"a"}
    gate.publish(put("plugins", denying | {"route": None}))
    assert (met(gate), met(gate, "written.test")) == ({b""}, {b""})
    gate.publish(gone("plugins", "p"))
    assert (met(gate), met(gate, "written.test")) == ({b"a"}, {b"c"})
    broken = json.loads(json.dumps(denying)) | {"config": {"deny": ["nonsense"]}}
    assert any("ip-restriction" in reason for reason in gate.publish(put("plugins", broken))["reasons"])
    assert met(gate) == {b""}  # whom it was to judge is not let in unjudged
    gate.publish(gone("plugins", "p"))
    assert met(gate) == {b"a"}
