"""The PROXY protocol's binary header."""

from __future__ import annotations

import pytest
from hellos import block

from penstock.shared.proxy_protocol import LOCAL_HEADER, Outcome, build_v2, parse
from penstock.shared.proxy_v2 import MAX_HEADER, SIGNATURE, crc32c

V4 = bytes((192, 0, 2, 1, 192, 0, 2, 2)) + b"\xc8\x22\x01\xbb"
V6 = bytes(15) + b"\x01" + bytes(15) + b"\x02" + b"\0\x01\0\x02"
UNIX = b"/run/client".ljust(108, b"\0") + b"/run/server".ljust(108, b"\0")
ENDS = (("192.0.2.1", 51234), ("192.0.2.2", 443))


def header(command: int, kind: int, content: bytes = b"") -> bytes:
    return SIGNATURE + bytes((command, kind)) + block(content)


def ends(data: bytes) -> tuple[str, int, str, int]:
    found = parse(data).header
    assert found is not None
    assert (found.version, found.length) == (2, len(data))
    return found.source_addr, found.source_port, found.destination_addr, found.destination_port


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (header(0x21, 0x11, V4), ("192.0.2.1", 51234, "192.0.2.2", 443)),
        (header(0x21, 0x21, V6), ("::1", 1, "::2", 2)),
        (header(0x21, 0x31, UNIX), ("unix:/run/client", 0, "unix:/run/server", 0)),
        (header(0x21, 0x31, bytes(216)), ("unix:", 0, "unix:", 0)),
        (header(0x21, 0x00), ("", 0, "", 0)),
        (header(0x21, 0x12, V4), ("", 0, "", 0)),
        (header(0x21, 0x10, V4), ("", 0, "", 0)),
        (header(0x20, 0x00), ("", 0, "", 0)),
        (header(0x20, 0x11, V4), ("", 0, "", 0)),
        (header(0x20, 0xFF, b"whatever"), ("", 0, "", 0)),
    ],
)
def test_a_header_names_both_ends_where_a_stream_has_them(data: bytes, expected: tuple[str, int, str, int]) -> None:
    assert ends(data) == expected


@pytest.mark.parametrize("data", [header(0x21, 0x11, V4), header(0x21, 0x31, UNIX), LOCAL_HEADER, build_v2(*ENDS)])
def test_every_prefix_wants_more(data: bytes) -> None:
    for cut in range(len(data)):
        found = parse(data[:cut])
        assert found.outcome is Outcome.MORE
        assert cut < found.need <= len(data)
    assert parse(data + b"more").outcome is Outcome.HEADER


@pytest.mark.parametrize(
    "data",
    [
        header(0x11, 0x11, V4),
        header(0x31, 0x11, V4),
        header(0x22, 0x11, V4),
        header(0x21, 0x41, V4),
        header(0x21, 0x13, V4),
        header(0x21, 0x11, V4[:-1]),
        header(0x21, 0x21, V4),
        header(0x21, 0x31, UNIX[:-1]),
        header(0x21, 0x11, V4 + b"\x04"),
        header(0x21, 0x11, V4 + b"\x04\0\x01"),
        header(0x21, 0x00, b"\x04\0\x01"),
        header(0x21, 0x11, V4 + b"\x03\0\x04\0\0\0\0"),
        header(0x21, 0x11, V4 + b"\x03\0\x02\0\0"),
        build_v2(*ENDS, [(5, b"id")], checksum=True).replace(b"id", b"it"),
        SIGNATURE + b"\x21\x11" + (MAX_HEADER - 15).to_bytes(2),
    ],
)
def test_whatever_breaks_the_rules_is_malformed(data: bytes) -> None:
    read = parse(data)
    assert read.outcome is Outcome.MALFORMED
    assert read.reason


def test_a_header_has_at_most_so_many_bytes() -> None:
    largest = header(0x21, 0x00, b"\x04" + block(bytes(MAX_HEADER - 16 - 3)))
    assert len(largest) == MAX_HEADER
    assert parse(largest).outcome is Outcome.HEADER
    assert parse(largest[:16]).need == MAX_HEADER


@pytest.mark.parametrize("data", [b"\r\n", b"\r\n\r\n\0\r\nQUIT", SIGNATURE])
def test_a_signature_that_has_begun_wants_more(data: bytes) -> None:
    assert parse(data).outcome is Outcome.MORE


@pytest.mark.parametrize("data", [b"\r\r", b"\r\n\r\n\0\r\nQUIT\r", b"\r\nGET / HTTP/1.1\r\n"])
def test_another_beginning_is_another_protocol(data: bytes) -> None:
    assert parse(data).outcome is Outcome.NOT_PROXY


def test_extensions_come_with_the_addresses() -> None:
    tlvs = ((2, b"a.test"), (5, b""), (0xE0, bytes(300)))
    found = parse(build_v2(*ENDS, tlvs)).header
    assert found is not None
    assert found.tlvs == tlvs


@pytest.mark.parametrize(
    ("source", "destination", "data"),
    [
        (*ENDS, header(0x21, 0x11, V4)),
        (("::1", 1), ("::2", 2), header(0x21, 0x21, V6)),
        (("unix:", 0), ("192.0.2.2", 443), header(0x21, 0x00)),
    ],
)
def test_a_header_is_built_from_two_ends(source: tuple[str, int], destination: tuple[str, int], data: bytes) -> None:
    assert build_v2(source, destination) == data


def test_mixed_families_become_ipv6() -> None:
    assert ends(build_v2(("192.0.2.1", 1), ("::2", 2))) == ("::ffff:192.0.2.1", 1, "::2", 2)


def test_a_checksum_is_that_of_the_standard() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720 B.4
    assert parse(build_v2(*ENDS, [(5, b"id")], checksum=True)).outcome is Outcome.HEADER
