"""What a PROXY header says, and where a connection truly came from."""

from __future__ import annotations

import pytest
from viewed import Viewed

from penstock.shared.proxy_header import ProxyHeader
from penstock.shared.template import UnknownVariable
from penstock.shared.variables import lookup
from penstock.shared.variables_proxy import GETTERS

CN = b"client.test"
SSL = bytes((7,)) + (0).to_bytes(4) + bytes((0x22, 0, len(CN))) + CN
HEADER = ProxyHeader(2, 99, ("192.0.2.1", 5000), ("2001:db8::2", 443), ((1, b"h2"), (0x05, b"\x00\xff"), (0x20, SSL)))

ADDRESSES = (
    "proxy_protocol_addr",
    "proxy_protocol_port",
    "proxy_protocol_server_addr",
    "proxy_protocol_server_port",
)


def test_the_header_is_seen() -> None:
    session = Viewed(proxy=HEADER)
    assert [GETTERS[name](session) for name in ADDRESSES] == ["192.0.2.1", "5000", "2001:db8::2", "443"]


@pytest.mark.parametrize("header", [None, ProxyHeader(1, 15)])
def test_a_header_that_is_not_there_or_knows_nothing_is_not_found(header: ProxyHeader | None) -> None:
    session = Viewed(proxy=header)
    assert [GETTERS[name](session) for name in ADDRESSES] == [None] * 4


def test_the_connections_own_address_is_seen() -> None:
    session = Viewed(remote_addr="192.0.2.1", peer_addr="10.0.0.1", peer_port=70)
    assert [GETTERS[name](session) for name in ("realip_remote_addr", "realip_remote_port")] == ["10.0.0.1", "70"]
    assert GETTERS["realip_remote_port"](Viewed(peer_addr="unix:", peer_port=0)) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpn", "h2"),
        ("0x01", "h2"),
        ("0x05", "\0\udcff"),
        ("unique_id", "\0\udcff"),
        ("ssl", SSL.decode()),
        ("ssl_cn", "client.test"),
        ("ssl_0x22", "client.test"),
        ("ssl_verify", "0"),
        ("ssl_version", None),
        ("authority", None),
        ("0xEE", None),
    ],
)
def test_extensions_are_found_by_name_and_by_number(name: str, value: str | None) -> None:
    assert lookup(f"proxy_protocol_tlv_{name}")(Viewed(proxy=HEADER)) == value


@pytest.mark.parametrize("name", ["alpn", "ssl_cn", "ssl_verify"])
def test_without_a_header_there_are_no_extensions(name: str) -> None:
    assert lookup(f"proxy_protocol_tlv_{name}")(Viewed()) is None
    assert lookup(f"proxy_protocol_tlv_{name}")(Viewed(proxy=ProxyHeader(1, 15))) is None


@pytest.mark.parametrize("name", ["", "nothing", "0x1", "0x111", "ssl_nothing", "0xzz"])
def test_an_unknown_extension_is_said(name: str) -> None:
    with pytest.raises(UnknownVariable):
        lookup(f"proxy_protocol_tlv_{name}")
