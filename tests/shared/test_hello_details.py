"""What of a ClientHello only a fingerprint needs."""

from __future__ import annotations

import pytest
from hellos import RECORD_HELLOS, Recorded, alpn, body, extension, message_of, named, names, server_name

from penstock.shared.hello import BadHello
from penstock.shared.hello_details import EARLY_DATA, ENCRYPTED_CLIENT_HELLO, PRE_SHARED_KEY, read_details


@pytest.mark.parametrize("recorded", RECORD_HELLOS, ids=names(RECORD_HELLOS))
def test_every_recorded_hello_has_what_the_index_says(recorded: Recorded) -> None:
    details = read_details(message_of(recorded.data)[4:])
    assert len(details.key_shares) == recorded.key_shares
    has = {
        "psk": details.extension(PRE_SHARED_KEY) is not None,
        "early_data": details.extension(EARLY_DATA) is not None,
        "ech": details.extension(ENCRYPTED_CLIENT_HELLO) is not None,
        "grease": details.greases,
    }
    assert {flag for flag, there in has.items() if there} == recorded.flags & has.keys()


def test_the_lists_of_a_known_client() -> None:
    details = read_details(message_of(named("python311-resume13.bin").data)[4:])
    assert details.ciphers[:3] == (0x1302, 0x1303, 0x1301)
    assert details.groups[0] == 0x1D
    assert details.point_formats == (0, 1, 2)
    assert 0x0403 in details.signature_algorithms
    assert details.compressions == (0,)
    assert details.extensions[-1][0] == PRE_SHARED_KEY


def test_a_hello_without_extensions_has_none() -> None:
    details = read_details(body(session_id=b"abc"))
    assert (details.session_id, details.extensions, details.groups, details.key_shares) == (b"abc", (), (), ())


@pytest.mark.parametrize("content", [b"\0", b"\0\x05\0\x1d", b"\0\x03\0\x1d\0", b""])
def test_a_list_that_does_not_add_up_is_empty(content: bytes) -> None:
    details = read_details(body(extension(10, content), extension(51, b"\0\x05\0\x1d\0\x09x")))
    assert (details.groups, details.key_shares) == ((), ())


def test_the_order_of_extensions_is_kept() -> None:
    kinds = [kind for kind, _ in read_details(body(alpn(b"h2"), server_name(b"a.test"))).extensions]
    assert kinds == [16, 0]


@pytest.mark.parametrize("wrong", [b"", body()[:-1], body(server_name(b"a.test"))[:-1]])
def test_a_broken_hello_is_bad(wrong: bytes) -> None:
    with pytest.raises(BadHello):
        read_details(wrong)
