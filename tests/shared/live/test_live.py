"""Records as routes, services, upstreams and certificates, and what changes of them touch."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from configurations import configuration
from record_making import (
    ca_certificate,
    certificate,
    gone,
    identity,
    plugin,
    put,
    route,
    service,
    sni,
    target,
    upstream,
)

from penstock.shared.live.delta import Delta
from penstock.shared.live.live import Live
from penstock.shared.live.records import Changed, Record
from penstock.shared.model.stream import Route
from penstock.shared.model.upstream import Upstream

CLIENT, HERE = ("10.1.2.3", 4000), ("192.0.2.1", 5555)
FILE = configuration(sniffing=[5555])
BASE = [("services", service("s")), ("routes", route("r", "s", snis="a.test"))]


def live(*records: tuple[str, Record]) -> Live:
    return Live(FILE, records)


def taken(live: Live, name: str = "a.test") -> Route | None:
    age = live.router.match(True, name, CLIENT, HERE)
    return None if age is None else live.route(age)


def found(live: Live, name: str = "a.test") -> Route:
    route = taken(live, name)
    assert route is not None
    return route


def address(live: Live) -> str:
    service = found(live).service
    assert service is not None
    return ", ".join(str(peer.address) for peer in service.upstream.peers)


def test_a_record_is_a_route_to_its_service() -> None:
    one = found(live(*BASE))
    assert one.service is not None
    assert (one.name, one.service.name, one.service.upstream.name) == ("r", "s", "127.0.0.1:80")
    proxy = one.settings.proxy
    assert (proxy.connect_timeout, proxy.timeout, proxy.next_upstream_tries) == (60.0, 60.0, 6)


def test_without_a_name_the_id_and_the_host_are_shown() -> None:
    records: list[tuple[str, Record]] = [
        ("services", service("s") | {"name": None}),  # type: ignore[operator]  # a dict
        ("routes", route("r", "s", snis="a.test") | {"name": None}),  # type: ignore[operator]  # a dict
    ]
    one = found(live(*records))
    assert one.service is not None
    assert (one.name, one.service.name) == (identity("routes", "r"), "127.0.0.1")


def test_a_route_comes_changes_and_goes() -> None:
    world = live(("services", service("s")))
    assert taken(world) is None
    assert world.apply([put("routes", route("r", "s", snis="a.test"))]).stale == set()
    assert found(world).name == "r"
    delta = world.apply([put("routes", route("r", "s", snis="b.test"))])
    assert len(delta.stale) == 1
    assert taken(world) is None
    assert found(world, "b.test").name == "r"
    world.apply([gone("routes", "r")])
    assert taken(world, "b.test") is None


def test_a_change_of_a_service_is_its_routes() -> None:
    world = live(*BASE)
    delta = world.apply([put("services", service("s", port=81, connect_timeout=1500))])
    assert delta.services == {identity("services", "s")}
    assert address(world) == "127.0.0.1:81"
    assert found(world).settings.proxy.connect_timeout == 1.5


def test_a_disabled_service_takes_its_routes_along() -> None:
    world = live(*BASE)
    world.apply([put("services", service("s", enabled=False))])
    assert taken(world) is None
    world.apply([put("services", service("s"))])
    assert found(world).name == "r"


def test_of_equal_routes_the_older_counts_also_after_a_change() -> None:
    world = live(*BASE, ("routes", route("late", "s", snis="a.test", created_at=1790000009)))
    world.apply([put("routes", route("early", "s", snis="a.test", created_at=1780000000))])
    assert found(world).name == "early"
    world.apply([gone("routes", "early"), put("routes", route("r", "s", snis="a.test b.test"))])
    assert found(world).name == "r"
    world.apply([put("routes", route("same second", "s", snis="a.test"))])
    assert found(world).name == "r"
    world.apply([gone("routes", "r")])
    assert found(world).name == "same second"


def test_a_host_that_names_an_upstream_is_balanced() -> None:
    world = live(("services", service("s", "Up")), BASE[1], ("upstreams", upstream("up")))
    assert address(world) == ""
    delta = world.apply([put("targets", target("up", "10.0.0.1:1")), put("targets", target("up", "10.0.0.2:2", 0))])
    assert delta.services == set()
    (changed,) = delta.upstreams.values()
    assert changed is not None
    assert {(peer.name, peer.down) for peer in changed.peers} == {("10.0.0.1:1", False), ("10.0.0.2:2", True)}
    assert set(address(world).split(", ")) == {"10.0.0.1:1", "10.0.0.2:2"}


def test_an_upstream_that_comes_late_or_goes_moves_the_service() -> None:
    world = live(("services", service("s", "up")), BASE[1])
    assert found(world).service.upstream.implicit  # type: ignore[union-attr]  # it has one
    changes = [put("upstreams", upstream("up")), put("targets", target("up", "10.0.0.1:1"))]
    assert world.apply(changes).services == {identity("services", "s")}
    assert address(world) == "10.0.0.1:1"
    delta = world.apply([gone("targets", "up/10.0.0.1:1"), gone("upstreams", "up")])
    assert delta.upstreams == {identity("upstreams", "up"): None}
    assert found(world).service.upstream.implicit  # type: ignore[union-attr]  # it has one


def test_an_upstream_of_the_file_comes_first() -> None:
    from configurations import upstream as written

    file = replace(FILE, stream=replace(FILE.stream, upstreams={"up": written("up", "1.1.1.1:1")}))
    world = Live(file, [("services", service("s", "UP")), BASE[1], ("upstreams", upstream("up"))])
    assert [peer.name for peer in found(world).service.upstream.peers] == ["1.1.1.1:1"]  # type: ignore[union-attr]


def test_tls_to_the_upstream_is_what_the_records_say() -> None:
    world = live(
        (
            "services",
            service("s", "up", protocol="tls", tls_verify=True, ca_certificates=[identity("ca_certificates", "ca")]),
        ),
        BASE[1],
        ("upstreams", upstream("up", client_certificate="c")),
        ("certificates", certificate("c", "CERT", "KEY")),
        ("ca_certificates", ca_certificate("ca", "CA")),
    )
    tls = found(world).settings.upstream_tls
    assert (tls.on, tls.server_name, tls.verify, tls.trusted_ca) == (True, True, True, b"CA\n")
    assert tls.pair is not None
    assert tls.pair.certificate == b"CERT"
    for change in (
        put("certificates", certificate("c", "NEW", "KEY")),
        put("ca_certificates", ca_certificate("ca", "B")),
    ):
        assert len(world.apply([change]).services) == 1
    tls = found(world).settings.upstream_tls
    assert (tls.pair and tls.pair.certificate, tls.trusted_ca) == (b"NEW", b"B\n")


def test_what_is_passed_through_is_not_wrapped_again() -> None:
    world = live(("services", service("s", protocol="tls")), ("routes", route("r", "s", "tls_passthrough", "a.test")))
    assert not found(world).settings.upstream_tls.on


def test_certificates_are_chosen_by_the_names_that_point_at_them() -> None:
    world = live(("certificates", certificate("c", "CERT", "KEY")))
    assert world.choice.choose("a.test") is None
    world.apply([put("snis", sni("a.test", "c")), put("snis", sni("*", "c"))])
    age = world.choice.choose("a.test")
    assert age is not None
    assert world.certificate(age).pairs[0].certificate == b"CERT"
    assert world.apply([put("certificates", certificate("c", "NEW", "KEY"))]).certificates == {age}
    assert world.certificate(age).pairs[0].certificate == b"NEW"
    world.apply([gone("snis", "a.test"), gone("snis", "*"), gone("certificates", "c")])
    assert world.choice.choose("a.test") is None


def names(uses: Any) -> list[str]:
    return [use.name for use in uses]


def test_plugins_belong_to_routes_services_or_all() -> None:
    world = live(
        *BASE,
        ("plugins", plugin("acl", route="r")),
        ("plugins", plugin("geo", service="s")),
        ("plugins", plugin("tcp-log")),
        ("plugins", plugin("both", service="s", route="r")),
        ("plugins", plugin("other", service="t", route="r")),
    )
    one = found(world)
    assert one.service is not None
    assert (names(one.plugins), names(one.service.plugins), names(world.uses.everywhere())) == (
        ["acl", "both"],
        ["geo"],
        ["tcp-log"],
    )


@pytest.mark.parametrize(
    ("record", "reached", "everywhere"),
    [(plugin("a", route="r"), (1, 0), False), (plugin("a", service="s"), (0, 1), False), (plugin("a"), (0, 0), True)],
)
def test_a_plugin_that_comes_reaches_its_routes(record: Record, reached: tuple[int, int], everywhere: bool) -> None:
    world = live(*BASE)
    coming = world.uses.coming([put("plugins", record)])
    delta: Delta = world.apply([put("plugins", record)])
    assert ((len(delta.stale), len(delta.services)), delta.everywhere, delta.plugins) == (reached, everywhere, True)
    assert next(iter(world.uses)) is coming[0]


def test_what_is_of_another_layer_is_left_alone() -> None:
    world = live(("services", service("h", protocol="http")), ("routes", route("r", "h", "tls", "a.test")))
    assert found(world).service is None
    world.apply([put("routes", route("r", "h", "http https"))])
    assert taken(world) is None


def test_counters_follow_labels() -> None:
    world = live(*BASE)
    age = world.router.match(True, "a.test", CLIENT, HERE)
    assert age is not None
    number = world.number(age)
    world.apply([gone("routes", "r")])
    world.apply([put("routes", route("r", "s", snis="c.test")), put("routes", route("new", "s", snis="d.test"))])
    assert list(world.cells.routes) == [("r", "s"), ("new", "s")]
    world.apply([put("services", service("s") | {"name": "renamed"})])  # type: ignore[operator]  # a dict
    assert world.cells.routes.labels_of(number) == ("r", "s")
    assert list(world.cells.routes)[2:] == [("r", "renamed"), ("new", "renamed")]


def test_file_and_records_are_one_gateway() -> None:
    gateway = live(*BASE).gateway()
    assert [(each.name, each.service and each.service.name) for each in gateway.routes] == [("r", "s")]
    assert [each.name for each in gateway.services] == ["s"]


def test_one_change_among_many_is_quick() -> None:
    many = [("routes", route(f"r{n}", "s", snis=f"h{n}.test", created_at=1780000000 + n)) for n in range(20000)]
    world = live(BASE[0], *many)
    best = 1.0
    for turn in range(20):
        began = time.process_time()
        world.apply([put("routes", route("one", "s", snis=f"one{turn}.test"))])
        best = min(best, time.process_time() - began)
    assert best < 0.001


def test_all_processes_give_the_same_numbers() -> None:
    changes = [
        put("upstreams", upstream("up")),
        put("targets", target("up", "10.0.0.1:1")),
        put("services", service("t", "up")),
        put("routes", route("q", "t", snis="q.test")),
        gone("routes", "r"),
    ]
    at_once, one_by_one = live(*BASE), live(*BASE)
    at_once.apply(changes)
    for change in changes:
        one_by_one.apply([Changed(change.kind, change.id, change.after)])
    assert list(at_once.cells.routes) == list(one_by_one.cells.routes)
    assert list(at_once.cells.peers) == list(one_by_one.cells.peers)


def hosts(upstreams: list[Upstream]) -> list[str]:
    return [upstream.name for upstream in upstreams]


def test_a_place_is_an_upstream_for_as_long_as_a_service_leads_there() -> None:
    world = live(*BASE)
    assert hosts(world.implicit.news()[0]) == ["127.0.0.1:80"]
    delta = world.apply([put("services", service("t"))])
    assert (delta.implicit, delta.left) == ([], [])
    delta = world.apply([put("services", service("s", port=81))])
    assert (hosts(delta.implicit), hosts(delta.left)) == (["127.0.0.1:81"], [])
    delta = world.apply([put("services", service("t", connect_timeout=1))])
    assert (delta.implicit, delta.left) == ([], [])
    delta = world.apply([gone("services", "t"), put("upstreams", upstream("up")), put("services", service("s", "up"))])
    assert (hosts(delta.implicit), sorted(hosts(delta.left))) == ([], ["127.0.0.1:80", "127.0.0.1:81"])
