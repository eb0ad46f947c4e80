from __future__ import annotations

from socket import AF_INET, AF_INET6, AF_UNIX

import pytest

from penstock.shared.model.address import Address, SockAddr, end_text, ipv4, ipv6, unix


@pytest.mark.parametrize(
    ("address", "family", "text", "sockaddr"),
    [
        (ipv4("127.0.0.1", 80), AF_INET, "127.0.0.1:80", ("127.0.0.1", 80)),
        (ipv6("::1", 443), AF_INET6, "[::1]:443", ("::1", 443)),
        (unix("/run/x.sock"), AF_UNIX, "unix:/run/x.sock", "/run/x.sock"),
    ],
)
def test_an_address_is_written_as_nginx_does_and_bound_as_sockets_want(
    address: Address, family: int, text: str, sockaddr: SockAddr
) -> None:
    assert (address.family, str(address), address.sockaddr) == (family, text, sockaddr)


def test_equal_addresses_are_one_key() -> None:
    assert {ipv4("127.0.0.1", 80): 1}[ipv4("127.0.0.1", 80)] == 1


def test_one_end_of_a_connection_as_text() -> None:
    assert [end_text("127.0.0.1", 5), end_text("::1", 5), end_text("unix:", 0), end_text("unix:/x", 0)] == [
        "127.0.0.1:5",
        "[::1]:5",
        "unix:",
        "unix:/x",
    ]
