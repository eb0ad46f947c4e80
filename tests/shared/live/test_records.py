"""Records and who mentions them."""

from __future__ import annotations

from record_making import identity, plugin, route, service, sni, target, upstream

from penstock.shared.live.records import HOST, Records, in_order

S = identity("services", "s")


def routes_of(records: Records) -> list[str]:
    return list(records.users("services", S, "routes"))


def test_a_record_knows_who_mentions_it() -> None:
    records = Records([("services", service("s")), ("routes", route("a", "s")), ("routes", route("b"))])
    assert routes_of(records) == [identity("routes", "a")]


def test_who_stops_mentioning_is_forgotten() -> None:
    records = Records([("services", service("s")), ("routes", route("a", "s")), ("routes", route("b", "s"))])
    records.put("routes", identity("routes", "a"), route("a"))
    assert routes_of(records) == [identity("routes", "b")]
    records.put("routes", identity("routes", "b"), None)
    assert routes_of(records) == []
    assert len(records) == 2


def test_a_change_gives_what_was_there() -> None:
    records = Records()
    assert records.put("services", S, service("s")) is None
    assert records.put("services", S, service("s", port=81)) == service("s")
    found = records.get("services", S)
    assert found is not None
    assert found["port"] == 81


def test_every_kind_of_mention_is_known() -> None:
    records = Records(
        [
            ("services", service("s", "UP", client_certificate="c", ca_certificates=["ca"])),
            ("snis", sni("a.test", "c")),
            ("upstreams", upstream("up", client_certificate="c")),
            ("targets", target("up", "127.0.0.1:1")),
            ("plugins", plugin("acl", service="s", route="r")),
        ]
    )
    certificate, up = identity("certificates", "c"), identity("upstreams", "up")
    assert list(records.users(HOST, "up", "services")) == [S]
    assert list(records.users("ca_certificates", "ca", "services")) == [S]
    assert [list(records.users("certificates", certificate, of)) for of in ("services", "snis", "upstreams")] == [
        [S],
        [identity("snis", "a.test")],
        [up],
    ]
    assert list(records.users("upstreams", up, "targets")) == [identity("targets", "up/127.0.0.1:1")]
    assert len(list(records.users("services", S, "plugins"))) == 1
    assert len(list(records.users("routes", identity("routes", "r"), "plugins"))) == 1


def test_kinds_of_no_business_are_passed_over() -> None:
    assert len(Records([("consumers", {"id": "x"})])) == 0


def test_a_copy_goes_its_own_way() -> None:
    records = Records([("services", service("s")), ("routes", route("a", "s"))])
    copied = records.copy()
    copied.put("routes", identity("routes", "b"), route("b", "s"))
    records.put("routes", identity("routes", "a"), None)
    assert (routes_of(records), routes_of(copied)) == ([], [identity("routes", "a"), identity("routes", "b")])
    assert (len(records), len(copied)) == (1, 3)


def test_records_come_in_the_order_of_their_creation() -> None:
    young, old = route("young", "s", created_at=2), route("old", "s", created_at=1)
    records = in_order([("routes", young), ("routes", old), ("services", service("s"))])
    assert list(records.every("routes")) == [old, young]
    assert routes_of(records) == [old["id"], young["id"]]
