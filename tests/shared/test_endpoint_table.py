"""Addresses, prefixes and ports."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from route_making import entry

from penstock.shared.endpoint_table import (
    ANY,
    CIDR,
    CIDR_PORT,
    IP,
    IP_PORT,
    PORT,
    EndpointTable,
    key_of,
    number,
    rank_of,
)

TEXTS = ["10.0.0.1:80", "10.0.0.1", "10.0.0.0/24:80", "10.0.0.0/8:80", ":80", "10.0.0.1/32", "10.0.0.0/8", ""]
RANKS = [IP_PORT, IP, CIDR_PORT + 120, CIDR_PORT + 104, PORT, CIDR + 128, CIDR + 104, ANY]


def test_every_entry_that_matches_is_found_most_specific_first() -> None:
    table = EndpointTable({key_of(entry(text)): text for text in reversed(TEXTS)})
    assert table.find(number("10.0.0.1"), 80) == list(zip(RANKS, TEXTS, strict=True))
    assert [text for _, text in table.find(number("10.9.9.9"), 81)] == ["10.0.0.0/8", ""]
    assert [text for _, text in table.find(number("10.0.0.9"), 80)] == TEXTS[2:5] + TEXTS[6:]


def test_an_entry_alone_has_the_same_rank() -> None:
    assert [rank_of(key_of(entry(text)), number("10.0.0.1"), 80) for text in TEXTS] == RANKS
    assert [rank_of(key_of(entry(text)), number("192.0.2.1"), 81) for text in TEXTS] == [None] * 7 + [ANY]


def test_what_is_no_address_meets_ports_only() -> None:
    table = EndpointTable({key_of(entry(text)): text for text in [*TEXTS, "0.0.0.0/0", "::/0"]})
    assert table.find(number("unix:"), 80) == [(PORT, ":80"), (ANY, "")]


@pytest.mark.parametrize("ip", ["", "unix:", "unix:/a:b", "10.0.0", "10.0.0.256", ":::", "host.test"])
def test_what_is_no_address_has_no_number(ip: str) -> None:
    assert number(ip) == -1


@settings(deadline=None)
@given(st.ip_addresses())
def test_numbers_tell_addresses_apart(ip: object) -> None:
    other = ip_address(f"::{ip}") if ":" not in str(ip) else ip_address("0.0.0.1")
    assert number(str(ip)) >= 0
    assert number(str(ip)) != number(str(other))
