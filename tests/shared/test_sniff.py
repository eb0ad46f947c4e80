"""Telling TLS from plain: prefixes, records, limits, noise."""

from __future__ import annotations

import pytest
from hellos import (
    HELLOS,
    RECORD_HELLOS,
    TLS_HELLOS,
    Recorded,
    block,
    body,
    extension,
    message,
    message_of,
    named,
    names,
    one_byte_records,
    records,
    server_name,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.shared.hello import is_grease
from penstock.shared.sniff import MAX_HELLO, MAX_RECORD, Outcome, Sniffed, sniff


def answer(found: Sniffed) -> tuple[Outcome, str]:
    return found.outcome, repr(found.hello)


def limit_of(recorded: Recorded) -> int:
    """How many of a recording's bytes are its hello."""
    if recorded.format == "SSLv2 record":
        return 2 + ((recorded.data[0] & 0x7F) << 8 | recorded.data[1])
    return 5 + int.from_bytes(recorded.data[3:5])


@pytest.mark.parametrize("recorded", TLS_HELLOS, ids=names(TLS_HELLOS))
def test_every_prefix_of_a_hello_wants_more_until_the_hello_is_whole(recorded: Recorded) -> None:
    data = recorded.data
    whole = answer(sniff(data))
    assert whole[0] is Outcome.TLS
    for cut in range(len(data) + 1):
        found = sniff(data[:cut])
        if cut < limit_of(recorded):
            assert found.outcome is Outcome.MORE
            assert cut < found.need <= limit_of(recorded)
        else:
            assert answer(found) == whole


OTHERS = [hello for hello in HELLOS if not hello.is_tls]


@pytest.mark.parametrize("recorded", OTHERS, ids=names(OTHERS))
def test_what_is_not_tls_is_told_at_its_first_byte(recorded: Recorded) -> None:
    if recorded.format == "DTLS":
        assert [sniff(recorded.data[:cut]).outcome for cut in (1, 2)] == [Outcome.MORE] * 2
        assert {sniff(recorded.data[:cut]).outcome for cut in range(3, 250)} == {Outcome.MALFORMED}
    else:
        early = {sniff(recorded.data[:cut]).outcome for cut in range(3 if recorded.data[0] > 0x7F else 1, 200)}
        assert early == {Outcome.PLAIN}


def test_a_memoryview_is_as_good_as_bytes() -> None:
    data = named("chromium156.bin").data
    assert answer(sniff(memoryview(bytearray(data)))) == answer(sniff(data))


def test_what_follows_the_hello_changes_nothing() -> None:
    for recorded in TLS_HELLOS[::7]:
        assert answer(sniff(recorded.data + b"\x17\x03\x03\x00\x01x")) == answer(sniff(recorded.data))


@pytest.mark.parametrize("recorded", RECORD_HELLOS, ids=names(RECORD_HELLOS))
def test_a_hello_may_be_cut_into_two_records_anywhere(recorded: Recorded) -> None:
    whole, content = answer(sniff(recorded.data)), message_of(recorded.data)
    for cut in range(1, len(content)):
        assert answer(sniff(records(content, [cut]))) == whole


@pytest.mark.parametrize("recorded", RECORD_HELLOS[::6], ids=names(RECORD_HELLOS[::6]))
def test_a_hello_may_come_in_records_of_one_byte(recorded: Recorded) -> None:
    content = one_byte_records(message_of(recorded.data))
    assert answer(sniff(content)) == answer(sniff(recorded.data))
    for cut in range(0, len(content), 61):
        assert sniff(content[:cut]).outcome is Outcome.MORE


def test_looking_only_when_it_is_worth_it_takes_few_looks() -> None:
    data = one_byte_records(message_of(named("openssl35-threeshares.bin").data))
    looks, have = 0, 0
    while (found := sniff(data[:have])).outcome is Outcome.MORE:
        assert have < found.need <= len(data)
        have, looks = found.need, looks + 1
    assert (found.outcome, have) == (Outcome.TLS, len(data))
    assert looks < 60


def test_more_never_hides_an_answer() -> None:
    data = one_byte_records(message_of(named("wrk.bin").data))
    for cut in range(0, len(data), 97):
        need = sniff(data[:cut]).need
        assert {sniff(data[:each]).outcome for each in range(cut, need)} <= {Outcome.MORE}


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"", Outcome.MORE),
        (b"\x16", Outcome.MORE),
        (b"\x16\x03", Outcome.MORE),
        (b"\x16\x02", Outcome.PLAIN),
        (b"\x16\xfe", Outcome.MORE),
        (b"\x16\xfe\x00", Outcome.PLAIN),
        (b"\x16\xfe\xfd", Outcome.MALFORMED),
        (b"\x15\x03\x01\x00\x02\x01\x00", Outcome.PLAIN),
        (b"G", Outcome.PLAIN),
        (b"\x16\x03\x01\x00\x00", Outcome.MALFORMED),
        (b"\x16\x03\x01\x02\x00\x02", Outcome.MALFORMED),
        (b"\x16\x03\x01\x00\x01\x01\x17", Outcome.MALFORMED),
        (b"\x16\x03\x01\x00\x01\x01\x16\x02", Outcome.MALFORMED),
        (b"\x80", Outcome.MORE),
        (b"\x80\x00", Outcome.PLAIN),
        (b"\x80\x1b", Outcome.PLAIN),
        (b"\x80\x1c", Outcome.MORE),
        (b"\x80\x1c\x02", Outcome.PLAIN),
        (b"\x80\x1c\x01\x02", Outcome.PLAIN),
        (b"\x80\x1c\x01\x00\x01", Outcome.PLAIN),
        (b"\x80\x1c\x01\x03\x05", Outcome.PLAIN),
        (b"\x80\x1c\x01\x03\x03", Outcome.MORE),
        (b"\x80\x1c\x01\x03\x03\0\x03\0\0\0\x10", Outcome.MORE),
        (b"\x80\x1c\x01\x03\x03\0\x04\0\0\0\x10", Outcome.PLAIN),
        (b"\x80\x1c\x01\x03\x03\0\x03\0\0\0\x11", Outcome.PLAIN),
        (b"\x80\x1d\x01\x03\x03\0\x04\0\0\0\x10", Outcome.PLAIN),
        (b"\x80\x1b\x01\x03\x03\0\x03\0\0\0\x0f", Outcome.PLAIN),
        (b"\x80\x3d\x01\x03\x03\0\x03\0\x21\0\x10", Outcome.PLAIN),
        (b"\xff" * 40, Outcome.PLAIN),
    ],
)
def test_the_first_bytes_decide(data: bytes, outcome: Outcome) -> None:
    assert sniff(data).outcome is outcome


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"", Outcome.PLAIN),
        (b"\x16", Outcome.PLAIN),
        (b"\x80\x1c\x01", Outcome.PLAIN),
        (b"\x16\x03", Outcome.MALFORMED),
        (named("wrk.bin").data[:-1], Outcome.MALFORMED),
        (named("sslscan.bin").data[:-1], Outcome.MALFORMED),
        (named("sslscan.bin").data, Outcome.TLS),
        (named("wrk.bin").data, Outcome.TLS),
        (b"GET", Outcome.PLAIN),
    ],
)
def test_at_the_end_nothing_wants_more(data: bytes, outcome: Outcome) -> None:
    assert sniff(data, at_end=True).outcome is outcome


def test_a_record_may_be_as_long_as_the_standard_lets_it() -> None:
    content = message(body(server_name(b"a.test"), extension(21, bytes(MAX_RECORD))))
    assert sniff(records(content, [MAX_RECORD])).outcome is Outcome.TLS
    assert sniff(records(content, [MAX_RECORD + 1])).outcome is Outcome.MALFORMED
    assert sniff((b"\x16\x03\x01" + block(content))[:300]).reason == f"record of {len(content)} bytes"


def test_a_hello_may_have_so_many_bytes_and_no_more() -> None:
    largest, larger = (message(bytes(MAX_HELLO + over)) for over in (0, 1))
    assert sniff(records(largest, [100])[:50]).outcome is Outcome.MORE
    assert sniff(records(largest, [16000] * 4)).outcome is Outcome.MALFORMED  # zeros are no hello
    assert sniff(records(larger, [100])[:50]).reason == f"ClientHello of {MAX_HELLO + 1} bytes"


def test_a_hello_of_the_largest_size_is_read() -> None:
    empty = len(body(server_name(b"a.test"), extension(21, b"")))
    content = message(body(server_name(b"a.test"), extension(21, bytes(65000 - empty))))
    found = sniff(records(content, [16000] * 4))
    assert found.hello is not None
    assert found.hello.server_name == "a.test"
    assert found.body == content[4:]


def test_an_old_framing_offers_its_version_and_no_name() -> None:
    hello = sniff(named("openssl102-nassl-sslv23compat.bin").data).hello
    assert hello is not None
    assert (hello.protocol, hello.versions, hello.server_name) == ("TLSv1.2", (0x0303,), None)


def test_a_broken_hello_says_what_is_wrong() -> None:
    found = sniff(records(message(body(server_name(b"a.test"), server_name(b"b.test")))))
    assert (found.outcome, found.reason) == (Outcome.MALFORMED, "extension 0 twice")


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(HELLOS), st.data())
def test_a_hello_that_is_cut_and_followed_by_noise_gives_an_answer(recorded: Recorded, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(recorded.data)))
    check(recorded.data[:cut] + data.draw(st.binary(max_size=64)))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(TLS_HELLOS), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=4))
def test_a_hello_with_wrong_bytes_gives_an_answer(recorded: Recorded, damage: list[tuple[int, int]]) -> None:
    wrong = bytearray(recorded.data)
    for place, value in damage:
        wrong[place % len(wrong)] = value
    check(bytes(wrong))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b"", b"\x16", b"\x16\x03\x01", b"\x80", b"\x16\x03\x01\x00\x40\x01"]))
def test_noise_gives_an_answer(noise: bytes, start: bytes) -> None:
    check(start + noise)


def check(data: bytes) -> None:
    """An answer that holds what it promises, comes no later than it can, and never changes again."""
    found = sniff(data)
    assert sniff(data, at_end=True).outcome is not Outcome.MORE
    if found.outcome is Outcome.MORE:
        assert found.need > len(data)
        return
    assert answer(sniff(data + b"\0")) == answer(found)
    assert (found.hello is not None) == (found.outcome is Outcome.TLS)
    assert bool(found.reason) == (found.outcome is Outcome.MALFORMED)
    if found.hello is not None:
        assert found.hello.server_name is None or 0 < len(found.hello.server_name) <= len(data)
        assert all(0 < len(protocol) < 256 for protocol in found.hello.alpn)
        assert not any(is_grease(version) for version in found.hello.versions[1:])
        assert len(found.body) <= len(data)
