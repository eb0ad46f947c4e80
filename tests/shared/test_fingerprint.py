"""JA3 and JA4: the examples of their authors, real clients' published values, and the corners of the rules."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from struct import unpack

import pytest
from hellos import recorded

from penstock.shared.fingerprint import ja3, ja3_text, ja4
from penstock.shared.hello_details import HelloDetails, read_details
from penstock.shared.sniff import sniff

# The example of FoxIO's technical details of JA4.
CIPHERS = unpack(">15H", bytes.fromhex("1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"))
KINDS = unpack(">16H", bytes.fromhex("001b 0000 0033 0010 4469 0017 002d 000d 0005 0023 0012 002b ff01 000b 000a 0015"))
CONTENTS = {
    13: bytes.fromhex("0010 0403 0804 0401 0503 0805 0501 0806 0601"),
    16: b"\x00\x0c\x02h2\x08http/1.1",
    43: bytes.fromhex("04 0304 0303"),
    10: bytes.fromhex("0006 001d 0017 0018"),
    11: b"\x01\x00",
}
EXAMPLE = "t13d1516h2_8daaf6152771_e5627efa2ab1"


def details(
    ciphers: tuple[int, ...] = CIPHERS,
    kinds: tuple[int, ...] = KINDS,
    legacy_version: int = 0x0303,
    contents: Mapping[int, bytes] | None = None,
) -> HelloDetails:
    known = {**CONTENTS, **(contents or {})}
    return HelloDetails(legacy_version, b"", ciphers, (0,), tuple((kind, known.get(kind, b"")) for kind in kinds))


def test_ja4_of_its_authors_example() -> None:
    assert ja4(details()) == EXAMPLE


def test_the_order_of_ciphers_and_extensions_does_not_matter_to_ja4() -> None:
    assert ja4(details(CIPHERS[::-1], KINDS[::-1])) == EXAMPLE


def test_grease_is_left_out_everywhere() -> None:
    greased = details(
        (0x2A2A, *CIPHERS),
        (0xDADA, *KINDS, 0x0A0A),
        contents={
            13: b"\x00\x12\x1a\x1a" + CONTENTS[13][2:],
            16: b"\x00\x0f\x02\x3a\x3a" + CONTENTS[16][2:],
            43: bytes.fromhex("06 7a7a 0304 0303"),
        },
    )
    assert ja4(greased) == EXAMPLE
    assert ja3_text(greased) == ja3_text(details())


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        (details(kinds=tuple(kind for kind in KINDS if kind != 0)), "t13i1515h2"),
        (details(kinds=tuple(kind for kind in KINDS if kind != 16)), "t13d151500"),
        (details(kinds=tuple(kind for kind in KINDS if kind != 43), legacy_version=0x0302), "t11d1515h2"),
        (details(ciphers=tuple(range(0x100, 0x200))), "t13d9916h2"),
        (details(contents={16: b"\x00\x02\x01\xab"}), "t13d1516ab"),
        (details(contents={16: b"\x00\x03\x02\xab\xcd"}), "t13d1516ad"),
        (details(contents={16: b"\x00\x03\x02 1"}), "t13d151621"),
        (details(contents={16: b"\x00\x02\x01x"}), "t13d1516xx"),
    ],
)
def test_the_readable_part(changed: HelloDetails, first: str) -> None:
    assert ja4(changed).split("_")[0] == first


def test_a_hello_without_ciphers_or_extensions_has_zeros() -> None:
    assert ja4(details((), ())) == "t12i000000_000000000000_000000000000"


def test_a_hello_without_signature_algorithms_hashes_the_extensions_alone() -> None:
    bare = details(kinds=(0, 16, 0x0017))
    assert ja4(bare).endswith("_" + sha256(b"0017").hexdigest()[:12])


def test_ja3_of_its_authors_example() -> None:
    old = HelloDetails(
        769,
        b"",
        (47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4),
        (0,),
        ((0, b""), (10, bytes.fromhex("0006 0017 0018 0019")), (11, b"\x01\x00")),
    )
    assert ja3_text(old) == "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
    assert ja3(old) == "ada70206e40642a3e4461f35503241d5"


def test_empty_lists_stay_as_commas() -> None:
    assert ja3_text(HelloDetails(769, b"", (4, 5), (0,), ())) == "769,4-5,,,"
    assert ja3(HelloDetails(769, b"", (4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99), (0,), ())) == (
        "de350869b8c85de67a350c8d186f11e6"
    )


def test_browsers_have_the_value_that_is_published_for_them() -> None:
    found = {str(each): ja4(read_details(body)) for each in recorded() if (body := sniff(each.data).body)}
    assert found["boringssl-curlcffi-firefox147"] == "t13d1717h2_5b57614c22b0_3cbfd9057e0d"
    assert found["boringssl-curlcffi-chrome146"].startswith("t13d1516h2_8daaf6152771_")
    assert found["go124-12"].startswith("t12d1011h2_")


def test_every_recorded_hello_has_both() -> None:
    for each in recorded():
        if body := sniff(each.data).body:
            assert len(ja4(read_details(body))) == len(EXAMPLE)
            assert len(ja3(read_details(body))) == 32
