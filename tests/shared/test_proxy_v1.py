"""The PROXY protocol's line of text."""

from __future__ import annotations

import pytest

from penstock.shared.proxy_protocol import Outcome, build_v1, parse

LINE = b"PROXY TCP4 192.0.2.1 192.0.2.2 51234 443\r\n"
LONGEST = b"PROXY TCP6 %s %s 65535 65535\r\n" % ((b":".join([b"ffff"] * 8),) * 2)


def test_a_line_names_both_ends() -> None:
    read = parse(LINE + b"GET / HTTP/1.1\r\n")
    assert read.header is not None
    assert (read.header.source_addr, read.header.source_port) == ("192.0.2.1", 51234)
    assert (read.header.destination_addr, read.header.destination_port) == ("192.0.2.2", 443)
    assert (read.header.version, read.header.length, read.header.tlvs) == (1, len(LINE), ())


@pytest.mark.parametrize("line", [LINE, LONGEST, b"PROXY UNKNOWN\r\n"])
def test_every_prefix_wants_more(line: bytes) -> None:
    for cut in range(len(line)):
        found = parse(line[:cut])
        assert found.outcome is Outcome.MORE
        assert cut < found.need <= len(line)
    assert parse(line).outcome is Outcome.HEADER
    assert parse(memoryview(line + b"more")).outcome is Outcome.HEADER


@pytest.mark.parametrize("line", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 x 1 2\r\n", b"PROXY UNKNOWN  \r\n"])
def test_unknown_names_nobody_whatever_follows(line: bytes) -> None:
    header = parse(line).header
    assert header is not None
    assert (header.known, header.length) == (False, len(line))


def test_addresses_become_canonical() -> None:
    header = parse(b"PROXY TCP6 2001:DB8:0:0::1 ::FFFF:10.0.0.1 0 1\r\n").header
    assert header is not None
    assert (header.source_addr, header.destination_addr) == ("2001:db8::1", "::ffff:10.0.0.1")


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TCP4 192.0.2.1 192.0.2.2 51234 443\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 51234\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 51234 443 \r\n",
        b"PROXY  TCP4 192.0.2.1 192.0.2.2 51234 443\r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.2 51234 443\r\n",
        b"PROXY TCP4\t192.0.2.1 192.0.2.2 51234 443\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 51234 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 051234 443\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 443\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 -1 443\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1_0 443\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 \xb2 443\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2  443\r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 443\r\n",
        b"PROXY TCP4 192.0.2 192.0.2.2 1 443\r\n",
        b"PROXY TCP4 192.0.2.1\0 192.0.2.2 1 443\r\n",
        b"PROXY TCP4 ::1 ::1 1 443\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 443\r\n",
        b"PROXY TCP6 fe80::1%lo ::1 1 443\r\n",
        b"PROXY tcp4 192.0.2.1 192.0.2.2 1 443\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 443\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY \r\n",
        b"PROXY UNKNOWN " + b"x" * 93,
        b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    ],
)
def test_whatever_else_is_malformed(line: bytes) -> None:
    read = parse(line)
    assert read.outcome is Outcome.MALFORMED
    assert read.reason


def test_a_line_has_at_most_107_bytes() -> None:
    longest = b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n"
    assert len(longest) == 107
    assert parse(longest).outcome is Outcome.HEADER
    assert parse(longest[:-2]).outcome is Outcome.MORE


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"PROXIES", b"PROXY\r\n", b"proxy TCP4", b"\x16\x03\x01"])
def test_other_protocols_are_told_apart(data: bytes) -> None:
    assert parse(data).outcome is Outcome.NOT_PROXY


@pytest.mark.parametrize(
    ("source", "destination", "line"),
    [
        (("192.0.2.1", 51234), ("192.0.2.2", 443), LINE),
        (("2001:DB8::1", 1), ("::1", 2), b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n"),
        (("192.0.2.1", 1), ("::1", 2), b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"),
        (("::1", 1), ("192.0.2.1", 2), b"PROXY TCP6 ::1 ::ffff:192.0.2.1 1 2\r\n"),
        (("fe80::1%eth0", 1), ("fe80::2%eth0", 2), b"PROXY TCP6 fe80::1 fe80::2 1 2\r\n"),
        (("unix:", 0), ("192.0.2.1", 2), b"PROXY UNKNOWN\r\n"),
        (("192.0.2.1", 1), ("unix:/run/x", 0), b"PROXY UNKNOWN\r\n"),
        (("", 0), ("", 0), b"PROXY UNKNOWN\r\n"),
    ],
)
def test_a_line_is_built_from_two_ends(source: tuple[str, int], destination: tuple[str, int], line: bytes) -> None:
    assert build_v1(source, destination) == line
    assert parse(line).outcome is Outcome.HEADER
