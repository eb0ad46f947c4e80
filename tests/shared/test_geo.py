"""`geo`: spans of addresses, however they are given, against a literal reading."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from viewed import Viewed

from penstock.shared.geo import (
    NOWHERE,
    Geo,
    Networks,
    Overlap,
    Ranges,
    Table,
    dotted,
    ipv4_number,
    ipv6_number,
    network_of,
    range_of,
)
from penstock.shared.variables_core import remote_addr


def networks_of(*texts: str) -> Networks:
    """Networks that are their own values."""
    found = Networks()
    for text in texts:
        parsed = network_of(text)
        assert parsed is not None
        found.add(parsed[0], text)
    return found


def geo_of(*texts: str) -> Geo:
    networks = networks_of(*texts)
    return Geo(remote_addr, "g", networks.table(wide=False), networks.table(wide=True))


NETWORKS = st.builds(
    lambda address, bits: str(ip_network((address, bits), strict=False)), st.integers(0, 2**32 - 2), st.integers(0, 32)
).filter(lambda text: not text.startswith("255.255.255.255/"))


@given(st.lists(NETWORKS, max_size=12), st.integers(0, 2**32 - 1))
def test_the_smallest_network_that_holds_an_address_gives_its_value(texts: list[str], number: int) -> None:
    table = networks_of(*texts).table(wide=False)
    tried = {number} | {int(at) for text in texts for net in [ip_network(text)] for at in (net[0], net[-1])}
    for each in tried | {at + 1 for at in tried if at < NOWHERE} | {at - 1 for at in tried if at}:
        holding = [text for text in texts if IPv4Address(each) in ip_network(text)]
        assert table.find(each) == max(holding, key=lambda text: ip_network(text).prefixlen, default="")


SPANS = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: (min(pair), max(pair)))


@given(st.lists(st.tuples(st.booleans(), SPANS), max_size=10))
def test_ranges_are_what_was_written_last(steps: list[tuple[bool, tuple[int, int]]]) -> None:
    ranges, drawn = Ranges(), dict.fromkeys(range(42), "")
    for number, (adds, (first, last)) in enumerate(steps):
        if not adds:
            whole = [drawn[at] for at in range(first, last + 1)]
            if ranges.delete(first, last):
                assert len(set(whole)) == 1
                drawn.update(dict.fromkeys(range(first, last + 1), ""))
            continue
        try:
            ranges.add(first, last, str(number))
        except Overlap:
            assert len({drawn[at] for at in range(first, last + 1)}) > 1
        else:
            drawn.update(dict.fromkeys(range(first, last + 1), str(number)))
    table = ranges.table()
    assert {at: table.find(at) for at in drawn} == drawn


def test_a_wide_range_is_compared_block_by_block() -> None:
    ranges = Ranges()
    assert ranges.add(0x01010000, 0x0102FFFF, "a") is None
    assert ranges.add(0x01010000, 0x0103FFFF, "b") == "a"
    assert ranges.delete(0x01020000, 0x0102FFFF)
    assert not ranges.delete(0x01030000, 0x0104FFFF)
    table = ranges.table()
    assert [table.find(at) for at in (0x01010000, 0x0102FFFF, 0x01030000, 0x01040000)] == ["b", "", "", ""]


@pytest.mark.parametrize(("first", "last"), [(3, 11), (8, 12), (3, 12), (5, 11), (1, 5)])
def test_a_range_may_lie_in_another_but_not_across_its_ends(first: int, last: int) -> None:
    ranges = Ranges()
    ranges.add(5, 10, "a")
    with pytest.raises(Overlap):
        ranges.add(first, last, "b")
    assert [ranges.add(*inside, "c") for inside in ((5, 6), (8, 8), (10, 10))] == [None, None, None]


def test_the_overlapped_range_that_is_told_is_the_last() -> None:
    ranges = Ranges()
    ranges.add(1, 5, "a")
    ranges.add(7, 9, "b")
    with pytest.raises(Overlap) as caught:
        ranges.add(3, 8, "c")
    assert caught.value.args == (7, 9)


def test_neighbours_of_a_span_keep_their_values() -> None:
    table = Table(iter([(1, 2, "a"), (3, 3, "b"), (9, 9, "c")]), "none")
    assert [table.find(at) for at in range(11)] == ["none", "a", "a", "b", *["none"] * 5, "c", "none"]


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("2001:db8::9", "2001:db8::/32"),
        ("fe80::1%eth0", "fe80::/10"),
        ("unix:", "255.255.255.255"),
        ("", "255.255.255.255"),
        ("gate.example", "255.255.255.255"),
        ("10.1.2", "255.255.255.255"),
        ("9.9.9.9", ""),
        ("::1", ""),
    ],
)
def test_what_an_address_is(address: str, value: str) -> None:
    geo = geo_of("10.0.0.0/8", "2001:db8::/32", "fe80::/10", "255.255.255.255", "::ffff:10.0.0.0/104")
    assert geo.getter(Viewed(remote_addr=address)) == value


def test_ranges_have_the_default_for_ipv6() -> None:
    ranges = Ranges()
    ranges.default = "other"
    ranges.add(0, 9, "low")
    geo = Geo(remote_addr, "g", ranges.table(), None)
    assert [geo.find("::5"), geo.find("0.0.0.5"), geo.find("::ffff:0.0.0.5")] == ["other", "low", "low"]


def test_a_session_s_value_is_found_once_and_may_be_set() -> None:
    session = Viewed(remote_addr="10.1.1.1")
    assert geo_of("10.0.0.0/8").getter(session) == "10.0.0.0/8"
    session.remote_addr = "9.9.9.9"
    assert geo_of("10.0.0.0/8").getter(session) == "10.0.0.0/8"
    assert geo_of("10.0.0.0/8").getter(Viewed(values={"g": "set"})) == "set"


def test_a_source_that_is_not_found_is_nowhere() -> None:
    networks = networks_of("255.255.255.255")
    geo = Geo(lambda _: None, "g", networks.table(wide=False), networks.table(wide=True))
    assert geo.getter(Viewed()) == "255.255.255.255"


@given(st.one_of(st.ip_addresses(), st.ip_addresses(v=6)))
def test_addresses_are_read_as_the_library_reads_them(address: IPv4Address | IPv6Address) -> None:
    read = ipv4_number if address.version == 4 else ipv6_number
    assert read(str(address)) == int(address)


@pytest.mark.parametrize("text", ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.x", "1..2.3", "1.2.3.٣", "+1.2.3.4"])
def test_what_is_no_ipv4_address(text: str) -> None:
    assert ipv4_number(text) is None


def test_zeros_before_a_number_do_not_make_it_octal() -> None:
    assert ipv4_number("010.001.1.1") == int(ip_address("10.1.1.1"))
    assert dotted(0x0A010101) == "10.1.1.1"


@pytest.mark.parametrize(
    "text", ["", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "::/129", "[::1]", "fe80::1%eth0", "255.255.255.255/32"]
)
def test_what_is_no_network(text: str) -> None:
    assert network_of(text) is None


@pytest.mark.parametrize("text", ["1.1.1.1", "1.1.1.1-", "1.1.1.2-1.1.1.1", "::1-::2", "0.0.0.0-255.255.255.255"])
def test_what_is_no_range(text: str) -> None:
    assert range_of(text) is None


def test_bits_behind_the_network_are_told() -> None:
    assert network_of("10.0.0.1/8") == ((False, 10 << 24, (11 << 24) - 1), True)
    assert network_of("10.0.0.0/8") == ((False, 10 << 24, (11 << 24) - 1), False)
    assert network_of("::/0") == ((True, 0, 2**128 - 1), False)


def many(count: int) -> Table:
    """So many ranges, in no order."""
    ranges = Ranges()
    for number in Random(1).sample(range(count), count):
        ranges.add(number * 512, number * 512 + 255, str(number))
    return ranges.table()


def fastest(table: Table) -> float:
    """Seconds of a thousand searches, the best of several."""
    times = []
    for _ in range(7):
        begun = time.perf_counter()
        for number in range(1000):
            table.find(number * 100_003)
        times.append(time.perf_counter() - begun)
    return min(times)


def test_the_cost_does_not_grow_with_the_number_of_ranges() -> None:
    # 20,000 times as many; a search from end to end would cost thousands of times as much, a busy machine does not
    assert fastest(many(200_000)) < 200 * fastest(many(10))
