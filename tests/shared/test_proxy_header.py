"""What a PROXY header holds."""

from __future__ import annotations

import pytest

from penstock.shared.proxy_header import ProxyHeader, Tlv, read_tlvs

SSL = b"\x07\0\0\0\0" + b"\x21\0\x07TLSv1.3" + b"\x22\0\x06client"


def test_extensions_are_found_by_type() -> None:
    header = ProxyHeader(2, 99, tlvs=((1, b"h2"), (2, b"a.test"), (2, b"b.test"), (Tlv.SSL, SSL)))
    assert (header.tlv(Tlv.ALPN), header.tlv(Tlv.AUTHORITY), header.tlv(Tlv.NETNS)) == (b"h2", b"a.test", None)
    assert header.ssl_tlv(Tlv.SSL_VERSION) == b"TLSv1.3"
    assert header.ssl_tlv(Tlv.SSL_CN) == b"client"
    assert header.ssl_tlv(Tlv.SSL_CIPHER) is None
    assert header.ssl_verify == 0


@pytest.mark.parametrize("content", [None, b"", b"\x01\0\0\0", b"\x01\0\0\0\0\x21", b"\x01\0\0\0\0\x21\0\x09x"])
def test_a_broken_ssl_extension_holds_nothing(content: bytes | None) -> None:
    header = ProxyHeader(2, 99, tlvs=() if content is None else ((Tlv.SSL, content),))
    assert header.ssl_tlv(Tlv.SSL_VERSION) is None


@pytest.mark.parametrize(
    ("content", "tlvs"),
    [
        (b"", ()),
        (b"\x04\0\0", ((4, b""),)),
        (b"\x04\0\0\x05\0\x02id", ((4, b""), (5, b"id"))),
        (b"\x04", None),
        (b"\x04\0", None),
        (b"\x05\0\x03id", None),
        (b"\x05\0\x01id", None),
    ],
)
def test_extensions_must_add_up(content: bytes, tlvs: tuple[tuple[int, bytes], ...] | None) -> None:
    assert read_tlvs(content) == tlvs


def test_a_header_without_addresses_is_not_known() -> None:
    assert not ProxyHeader(1, 15).known
    assert ProxyHeader(1, 40, ("10.0.0.1", 1), ("10.0.0.2", 2)).known
