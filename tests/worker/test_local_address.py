"""The address of `proxy_bind`."""

from __future__ import annotations

from socket import AF_INET, AF_INET6

import pytest

from penstock.worker.local_address import parsed


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1", (AF_INET, "127.0.0.1", 0)),
        ("127.0.0.1:80", (AF_INET, "127.0.0.1", 80)),
        ("::1", (AF_INET6, "::1", 0)),
        ("[::1]", (AF_INET6, "::1", 0)),
        ("[::1]:80", (AF_INET6, "::1", 80)),
    ],
)
def test_addresses_are_read(text: str, address: tuple[int, str, int]) -> None:
    assert parsed(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "TCP",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:x",
        "1.2.3",
        "[::1]80",
        "[::1]:x",
        "[::1]:" + "9" * 5000,
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parsed(text) is None
