"""Which route a connection takes: the rules one by one, and all of them against a literal reading."""

from __future__ import annotations

import time
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from route_making import entry, route, service

from penstock.shared.model.stream import Endpoint, Route
from penstock.shared.proxy_header import AddressPort
from penstock.shared.router import Router

CLIENT = ("10.1.2.3", 40000)
HERE = ("192.0.2.1", 5555)


def taken(
    routes: Sequence[Route],
    sni: str | None = None,
    *,
    tls: bool = True,
    source: AddressPort = CLIENT,
    destination: AddressPort = HERE,
) -> str | None:
    """The name of the route taken."""
    index = Router(routes).match(tls, sni, source, destination)
    return None if index is None else routes[index].name


def order(routes: Sequence[Route], sni: str | None = "a.b.test") -> list[str]:
    """The names in the order in which they win, each time without the winner; `routes` is given the other way round."""
    left, names = list(routes)[::-1], []
    while (name := taken(left, sni)) is not None:
        names.append(name)
        left = [each for each in left if each.name != name]
    return names


def test_kinds_of_condition_have_an_order() -> None:
    source, destination = [CLIENT[0]], [HERE[0]]
    routes = [
        route("all", snis="a.b.test", sources=source, destinations=destination),
        route("ends", sources=source, destinations=destination),
        route("sni+source", snis="a.b.test", sources=source),
        route("sni+destination", snis="a.b.test", destinations=destination),
        route("sni", snis="a.b.test"),
        route("source", sources=source),
        route("destination", destinations=destination),
        route("any"),
    ]
    assert order(routes) == [each.name for each in routes]


@pytest.mark.parametrize("field", ["sources", "destinations"])
def test_entries_have_an_order(field: str) -> None:
    ip, port = CLIENT if field == "sources" else HERE
    network, narrow = (f"{ip.rsplit('.', 1)[0]}.0/{length}" for length in (24, 30))
    texts = [f"{ip}:{port}", ip, f"{network}:{port}", f":{port}", narrow, network, ""]
    routes = [route(text or "any", **{field: [text]}) for text in texts]  # type: ignore[arg-type]  # one of two names
    assert order(routes) == [each.name for each in routes]


def test_names_have_an_order() -> None:
    routes = [route(name, snis=name) for name in ("a.b.test", "*.b.test", "*.test", "a.*")]
    assert order(routes) == ["a.b.test", "*.b.test", "*.test", "a.*"]


def test_the_kinds_count_before_the_entries_and_the_source_before_the_name() -> None:
    assert order([route("1", snis="*.test", sources=["10.0.0.0/8"]), route("2", snis="a.b.test")]) == ["1", "2"]
    one = route("1", snis="*.test", sources=["10.1.2.3"])
    two = route("2", snis="a.b.test", sources=["10.0.0.0/8"])
    assert order([one, two]) == ["1", "2"]


def test_the_source_counts_before_the_destination() -> None:
    one = route("1", sources=["10.1.2.3"], destinations=[":5555"])
    two = route("2", sources=["10.0.0.0/8"], destinations=["192.0.2.1:5555"])
    assert order([one, two]) == ["1", "2"]


def test_what_matched_counts_and_not_what_else_is_listed() -> None:
    one = route("1", sources=["10.1.2.3"])
    two = route("2", sources=["10.0.0.0/8", "172.16.0.1:40000"])
    assert order([one, two]) == ["1", "2"]


def test_of_equal_routes_the_older_one_is_taken() -> None:
    assert taken([route("old", snis="a.test"), route("new", snis="a.test")], "a.test") == "old"
    assert taken([route("old", snis="*.test"), route("new", snis="*.test")], "a.test") == "old"
    assert taken([route("old", snis="a.*"), route("new", snis="*.b")], "a.b") == "old"
    assert taken([route("old", sources=[":40000"]), route("new", sources=[":40000"])]) == "old"


def test_conditions_of_different_kinds_must_all_match_and_one_entry_of_each_is_enough() -> None:
    one = route("1", snis="a.test b.test", sources=["10.0.0.1", "10.1.2.3"], destinations=[":1", ":5555"])
    assert taken([one], "b.test") == "1"
    assert taken([one], "c.test") is None
    assert taken([one], "a.test", source=("10.0.0.2", 1)) is None
    assert taken([one], "a.test", destination=("192.0.2.1", 2)) is None


@pytest.mark.parametrize("name", ["a.test", "A.TEST", "a.test.", "A.Test."])
def test_case_and_a_trailing_dot_do_not_matter(name: str) -> None:
    assert taken([route("1", snis="a.test")], name) == "1"
    assert taken([route("1", snis="*.test")], name) == "1"


@pytest.mark.parametrize(
    ("pattern", "matches", "differs"),
    [
        ("*.b.test", ["a.b.test", "x.a.b.test"], ["b.test", ".b.test", "ab.test", "a.b.test.x"]),
        ("a.*", ["a.test", "a.b.test"], ["a", "a.", "b.a.test", "ab.test"]),
        ("*.example.test", ["*.example.test"], []),
    ],
)
def test_wildcards_stand_for_any_depth(pattern: str, matches: list[str], differs: list[str]) -> None:
    routes = [route("1", snis=pattern)]
    assert [name for name in matches + differs if taken(routes, name)] == matches


@pytest.mark.parametrize("sni", [None, "", ".", "b.test", "a.test\0", "a" * 300, ".".join("a" * 5000)])
def test_an_sni_condition_never_matches_without_that_sni(sni: str | None) -> None:
    assert taken([route("1", "tls tcp", snis="a.test *.c.test z.*")], sni) is None


def test_plain_traffic_meets_tcp_routes_only_and_no_sni_condition() -> None:
    routes = [route("tls"), route("raw", "tls_passthrough"), route("both", "tcp tls", snis="a.test")]
    assert taken(routes, tls=False) is None
    assert taken(routes, "a.test", tls=False) is None
    assert taken([*routes, route("tcp", "tcp")], tls=False) == "tcp"


def test_tls_traffic_meets_tcp_routes_last() -> None:
    narrow = route("tcp", "tcp", sources=["10.1.2.3:40000"], destinations=["192.0.2.1:5555"])
    assert taken([narrow, route("tls")]) == "tls"
    assert taken([narrow, route("raw", "tls_passthrough", destinations=[":5555"])]) == "raw"
    assert taken([narrow, route("tls", snis="a.test")], "b.test") == "tcp"


def test_routes_of_a_disabled_service_are_left_out() -> None:
    routes = [route("off", service=service(enabled=False)), route("on", service=service()), route("none")]
    assert taken(routes) == "on"


def test_an_ipv4_address_in_ipv6_clothes_is_itself() -> None:
    assert taken([route("1", sources=["10.0.0.0/8"])], source=("::ffff:10.1.2.3", 1)) == "1"
    assert taken([route("1", sources=["[::ffff:10.0.0.0/104]"])], source=("10.1.2.3", 1)) == "1"
    assert taken([route("1", sources=["::1"])], source=("0.0.0.1", 1)) is None
    assert taken([route("1", sources=["::/0"])], source=("0.0.0.1", 1)) is None
    assert taken([route("1", sources=["fe80::/64"])], source=("fe80::5%eth0", 1)) == "1"


def test_a_unix_socket_matches_by_port_only() -> None:
    assert taken([route("1", sources=["0.0.0.0/0", "::/0", "0.0.0.0"])], source=("unix:", 0)) is None
    assert taken([route("1", sources=[":0"])], source=("unix:", 0)) == "1"


def test_many_names_with_many_ends_share_what_follows() -> None:
    ends = [f"10.{number}.0.0/16" for number in range(200)]
    one = route("1", snis=" ".join(f"h{n}.test" for n in range(200)), sources=ends, destinations=[*ends, ":5555"])
    began = time.process_time()
    assert taken([one], "h7.test") == "1"
    assert time.process_time() - began < 4  # 200 x 200 x 201 entries would take eight seconds


def cost(routes: Sequence[Route], sni: str | None, source: AddressPort) -> float:
    router, best = Router(routes), 1.0
    for _ in range(5):
        began = time.process_time()
        for _ in range(2000):
            router.match(True, sni, source, HERE)
        best = min(best, time.process_time() - began)
    return best


def test_the_cost_does_not_grow_with_the_number_of_routes() -> None:
    few, many = (
        [
            route(snis=f"h{n}.example.test *.w{n}.test", sources=[f"10.{n >> 8 & 255}.{n & 255}.0/24"])
            for n in range(count)
        ]
        for count in (10, 20000)
    )
    for sni in ("h5.example.test", "a.b.w5.test", "none.test"):
        assert cost(many, sni, ("10.0.5.9", 1)) < 50 * cost(few, sni, ("10.0.5.9", 1))


# -- against a literal reading of the rules


def naive(
    routes: Sequence[Route], tls: bool, sni: str | None, source: AddressPort, destination: AddressPort
) -> int | None:
    name = sni.lower().removesuffix(".") if tls and sni else ""

    def end(entry: Endpoint, ip: str, port: int) -> tuple[int, int] | None:
        if entry.port not in (None, port) or (entry.network and ip_address(ip) not in entry.network):
            return None
        kind = {(1, 0, 1): 5, (1, 0, 0): 4, (1, 1, 1): 3, (0, 0, 1): 2, (1, 1, 0): 1, (0, 0, 0): 0}
        said = (entry.network is not None, entry.cidr, entry.port is not None)
        return kind[said], entry.network.prefixlen if entry.network and entry.cidr else 0

    def pattern(text: str) -> tuple[int, int] | None:
        if not name or (text[0] != "*" and text[-1] != "*"):
            return (1, 0) if name and text == name else None
        fits = name.endswith(text[1:]) if text[0] == "*" else name.startswith(text[:-1])
        return (0, len(text)) if fits and len(name) >= len(text) else None

    def best(found: list[tuple[int, int] | None]) -> tuple[int, int] | None:
        return max([each for each in found if each is not None], default=None)

    winners = []
    for index, each in enumerate(routes):
        first = tls and not each.protocols.isdisjoint({"tls", "tls_passthrough"})
        from_ = best([end(entry, *source) for entry in each.sources])
        to = best([end(entry, *destination) for entry in each.destinations])
        named = best([pattern(text) for text in each.snis])
        if (each.sources and not from_) or (each.destinations and not to) or (each.snis and not named):
            continue
        if first or "tcp" in each.protocols:
            kinds = (bool(each.sources and each.destinations), bool(each.snis), bool(each.sources))
            winners.append((first, kinds, bool(each.destinations), from_ or (), to or (), named or (), -index))
    return -max(winners)[-1] if winners else None


NAMES = st.sampled_from(["a.b.test", "b.test", "test", "a.b.c.test", "A.B.test.", "a.c"])
PATTERNS = st.sampled_from(["a.b.test", "b.test", "*.test", "*.b.test", "a.*", "a.b.*", "*.c", "a.c"])
IPS = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.1.0.1", "2001:db8::1", "2001:db8:1::1"])
PORTS = st.sampled_from([1, 2])
V4 = ["10.0.0.1", "10.0.0.2", "10.0.0.1:1", "10.0.0.2:2", "10.0.0.0/8", "10.0.0.0/24", "10.0.0.0/24:1", "10.1.0.0/16:2"]
V6 = ["2001:db8::1", "2001:db8::/32", "2001:db8::/48", "[2001:db8::/48]:1", "::/0"]
ENTRIES = st.sampled_from([*V4, *V6, "0.0.0.0/0", "10.0.0.1/32", ":1", ":2", ""]).map(entry)
PROTOCOLS = st.sampled_from([{"tls"}, {"tls_passthrough"}, {"tcp"}, {"tcp", "tls"}]).map(frozenset)
ROUTES = st.builds(
    lambda protocols, snis, sources, destinations: Route(
        "r", protocols, None, route().settings, tuple(snis), tuple(sources), tuple(destinations)
    ),
    PROTOCOLS,
    st.lists(PATTERNS, max_size=2),
    st.lists(ENTRIES, max_size=2),
    st.lists(ENTRIES, max_size=2),
)
CONNECTIONS = st.tuples(st.booleans(), st.none() | NAMES, st.tuples(IPS, PORTS), st.tuples(IPS, PORTS))
CASES = 10_000
EACH = 20
"""Connections for each random set of routes."""


@settings(max_examples=CASES // EACH, deadline=None)
@given(st.lists(ROUTES, max_size=12), st.lists(CONNECTIONS, min_size=EACH, max_size=EACH))
def test_the_tables_agree_with_a_literal_reading(
    routes: list[Route], connections: list[tuple[bool, str | None, AddressPort, AddressPort]]
) -> None:
    router = Router(routes)
    for connection in connections:
        expected = naive(routes, *connection)
        assert router.match(*connection) == expected
        assert next((each.index for each in router.explain(*connection)), None) == expected


def test_explain_lists_what_matches_and_says_why() -> None:
    routes = [
        route("port", "tcp", destinations=[":5555"]),
        route("name", snis="a.test"),
        route("other", snis="b.test"),
        route("wild", snis="*.test"),
        route("older", "tls tcp"),
        route("newer", "tls tcp"),
    ]
    told = [(each.route.name, each.beats_next) for each in Router(routes).explain(True, "A.test", CLIENT, HERE)]
    assert told == [
        ("name", "exact SNI over wildcard of 6 characters"),
        ("wild", "SNI over no condition"),
        ("older", "the older route"),
        ("newer", "TLS traffic is offered to tls and tls_passthrough routes before tcp routes"),
        ("port", ""),
    ]
