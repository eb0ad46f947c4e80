"""Addresses cut into their parts, in nginx's words."""

from __future__ import annotations

import pytest

from penstock.shared.conf.builders.addresses import Kind, Written, is_numeric, numeric, parse_address
from penstock.shared.model.address import ipv4, ipv6, unix


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:80", Written(Kind.IPV4, "127.0.0.1", 80, 80)),
        ("127.0.0.1", Written(Kind.IPV4, "127.0.0.1")),
        ("name.test:65535", Written(Kind.NAME, "name.test", 65535, 65535)),
        ("1.2.3:80", Written(Kind.NAME, "1.2.3", 80, 80)),
        ("[::1]:80", Written(Kind.IPV6, "::1", 80, 80)),
        ("[2001:DB8:0::1]", Written(Kind.IPV6, "2001:db8::1")),
        ("unix:/run/x.sock", Written(Kind.UNIX, "/run/x.sock")),
        ("80", Written(Kind.NAME, "80")),
    ],
)
def test_an_address_to_connect_to(text: str, expected: Written) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", Written(Kind.IPV4, "0.0.0.0", 80, 80)),
        ("80-82", Written(Kind.IPV4, "0.0.0.0", 80, 82)),
        ("*:80", Written(Kind.IPV4, "0.0.0.0", 80, 80)),
        ("127.0.0.1:80-82", Written(Kind.IPV4, "127.0.0.1", 80, 82)),
        ("[::]:80-82", Written(Kind.IPV6, "::", 80, 82)),
    ],
)
def test_an_address_to_listen_on(text: str, expected: Written) -> None:
    assert parse_address(text, listen=True) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("127.0.0.1:0", "invalid port"),
        ("127.0.0.1:65536", "invalid port"),
        ("127.0.0.1:x", "invalid port"),
        ("127.0.0.1:", "invalid port"),
        ("127.0.0.1:٣", "invalid port"),
        ("127.0.0.1:80-", "invalid port"),
        ("82-80", "invalid port range"),
        (":80", "no host"),
        ("127.0.0.1:80/x", "invalid host"),
        ("[::1", "invalid host"),
        ("[::1]80", "invalid host"),
        ("[::g]:80", "invalid IPv6 address"),
        ("unix:", "no path in the unix domain socket"),
        ("unix:/" + "x" * 107, "too long path in the unix domain socket"),
    ],
)
def test_what_is_no_address(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        parse_address(text, listen=True)


def test_the_longest_path_of_a_unix_socket_is_107_bytes() -> None:
    assert parse_address("unix:/" + "x" * 106).host == "/" + "x" * 106


def test_a_written_address_becomes_one_for_a_socket() -> None:
    assert Written(Kind.UNIX, "/x").at(0) == unix("/x")
    assert numeric("10.0.0.1", 5) == ipv4("10.0.0.1", 5)
    assert numeric("::1", 5) == ipv6("::1", 5)


def test_names_are_told_from_addresses() -> None:
    assert [is_numeric(text) for text in ("10.0.0.1", "::1", "a.test", "10.0.1")] == [True, True, False, False]
