"""A model that followed changes is the one that would be made of what is there now."""

from __future__ import annotations

from typing import Any

from configurations import configuration
from hypothesis import given, settings
from hypothesis import strategies as st
from record_making import ca_certificate, certificate, identity, plugin, route, service, sni, target, upstream

from penstock.shared.live.live import Live
from penstock.shared.live.records import Changed, Record
from penstock.shared.model.stream import Route

FILE = configuration(sniffing=[5555])
HERE = ("192.0.2.1", 5555)
NAMES = ("a.test", "b.test", "c.test")
LATER: dict[str, Any] = {"created_at": 1790000001}
PLUGIN: dict[str, Any] = {"id": "p"}
TLS: dict[str, Any] = {
    "protocol": "tls",
    "client_certificate": "c",
    "ca_certificates": [identity("ca_certificates", "ca")],
}
FORMS: list[tuple[str, list[Record]]] = [
    ("services", [service("s"), service("s", "up"), service("s", enabled=False), service("s", **TLS)]),
    ("services", [service("t", "UP", 81), service("t", protocol="http"), service("t", "pool")]),
    (
        "routes",
        [
            route("q", "s", snis="a.test b.test"),
            route("q", "t", snis="a.test"),
            route("q", None, "tls_passthrough", "b.test"),
            route("q", "s", "http https"),
        ],
    ),
    (
        "routes",
        [
            route("r", "t", snis="a.test", **LATER),
            route("r", "s", "tcp", sources=["10.0.0.0/8"], **LATER),
            route("r", "s", "tls tcp", "*.test", sources=["10.1.2.3"], **LATER),
        ],
    ),
    (
        "upstreams",
        [
            upstream("up"),
            {**upstream("up"), "name": "pool"},
            upstream("up", algorithm="least-connections", client_certificate="d"),
        ],
    ),
    ("targets", [target("up", "10.0.0.1:1"), target("up", "10.0.0.1:1", 0)]),
    ("targets", [{**target("up", "10.0.0.2:2"), "created_at": 1.0}]),
    ("certificates", [certificate("c", "C", "K"), certificate("c", "CC", "KK")]),
    ("certificates", [certificate("d", "D", "K", **LATER)]),
    ("snis", [sni("a.test", "c"), sni("a.test", "d")]),
    ("snis", [sni("*", "d")]),
    ("ca_certificates", [ca_certificate("ca", "X"), ca_certificate("ca", "Y")]),
    (
        "plugins",
        [
            {**plugin("acl", route="q"), **PLUGIN},
            {**plugin("acl", service="s"), **PLUGIN},
            {**plugin("acl"), **PLUGIN},
            {**plugin("acl", service="s", route="r"), **PLUGIN},
            {**plugin("acl"), **PLUGIN, "enabled": False},
        ],
    ),
]
CHANGES = st.integers(0, len(FORMS) - 1).flatmap(
    lambda which: st.sampled_from([None, *FORMS[which][1]]).map(
        lambda record: Changed(FORMS[which][0], FORMS[which][1][0]["id"], record)
    )
)


def facts(route: Route | None) -> Any:
    if route is None:
        return None
    to = route.service
    return (
        route.name, route.protocols, route.settings, route.plugins,
        to and (to.name, to.host, to.enabled, to.settings, to.upstream, to.plugins),
    )  # fmt: skip


def picture(live: Live) -> list[Any]:
    """Everything that a session can meet."""
    seen: list[Any] = []
    for tls, source in ((True, ("10.1.2.3", 1)), (True, ("192.0.2.9", 1)), (False, ("10.1.2.3", 1))):
        for name in NAMES:
            age = live.router.match(tls, name, source, HERE)
            seen.append(facts(None if age is None else live.route(age)))
    for name in NAMES:
        chosen = live.choice.choose(name)
        certificate = None if chosen is None else live.certificate(chosen)
        seen.append(certificate and (certificate.pairs, set(certificate.snis)))
    seen.append({each.name: each for each in live.upstreams()})
    seen.append({each.service.name: each for each in live.services()})
    seen.append(live.uses.everywhere())
    return seen


@settings(max_examples=600, deadline=None)
@given(st.lists(st.lists(CHANGES, min_size=1, max_size=3), max_size=12))
def test_whatever_changed_on_the_way(sets: list[list[Changed]]) -> None:
    followed, kept = Live(FILE), dict[tuple[str, str], Record]()
    for changes in sets:
        assert not followed.apply(changes).complaints
        for change in changes:
            kept.pop((change.kind, change.id), None)
            if change.after is not None:
                kept[change.kind, change.id] = change.after
    fresh = Live(FILE, [(kind, record) for (kind, _), record in kept.items()])
    assert not fresh.complaints
    assert picture(followed) == picture(fresh)
