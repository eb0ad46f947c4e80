"""What a hello says."""

from __future__ import annotations

import pytest
from viewed import Viewed

from penstock.shared.hello import ClientHello
from penstock.shared.variables_ssl_preread import GETTERS

NAMES = ("ssl_preread_server_name", "ssl_preread_alpn_protocols", "ssl_preread_protocol")


def values(hello: ClientHello | None) -> list[str | None]:
    return [GETTERS[name](Viewed(hello=hello)) for name in NAMES]


def test_a_hello_is_seen_as_it_was_sent() -> None:
    hello = ClientHello("Name.Test", ("h2", "http/1.1"), 0x0303, (0x0303, 0x0304))
    assert values(hello) == ["Name.Test", "h2,http/1.1", "TLSv1.3"]


def test_what_a_hello_does_not_say_is_empty() -> None:
    assert values(ClientHello(None, (), 0x0303, (0x0303,))) == ["", "", "TLSv1.2"]


def test_no_hello_is_not_found() -> None:
    assert values(None) == [None, None, None]


@pytest.mark.parametrize("data", ["é.test".encode(), b"\xff.test"])
def test_names_keep_their_bytes(data: bytes) -> None:
    name = values(ClientHello(data.decode("latin-1"), (), 0x0303, ()))[0]
    assert name is not None
    assert name.encode("utf-8", "surrogateescape") == data
