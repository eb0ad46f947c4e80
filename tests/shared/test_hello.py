"""Reading a ClientHello's body."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from deadline import seconds
from hellos import (
    RECORD_HELLOS,
    TLS_HELLOS,
    Recorded,
    alpn,
    block,
    body,
    extension,
    message_of,
    names,
    server_name,
    supported_versions,
)
from needs import requires
from nginx import Nginx

from penstock.shared.hello import BadHello, ClientHello, is_grease, normal_name, parse
from penstock.shared.sniff import sniff


@pytest.mark.parametrize("recorded", TLS_HELLOS, ids=names(TLS_HELLOS))
def test_every_recorded_hello_says_what_the_index_says(recorded: Recorded) -> None:
    hello = sniff(recorded.data).hello
    assert hello is not None
    assert (hello.server_name, hello.alpn) == (recorded.sni, recorded.alpn)
    assert (hello.legacy_version, hello.versions) == (recorded.legacy_version, recorded.versions)


def test_every_prefix_and_every_longer_body_is_bad() -> None:
    for recorded in RECORD_HELLOS[::8]:
        whole = message_of(recorded.data)[4:]
        parse(whole)
        for wrong in (*(whole[:cut] for cut in range(len(whole))), whole + b"\0"):
            if wrong != whole[: _end_of_compressions(whole)]:  # there it is a hello without extensions
                with pytest.raises(BadHello):
                    parse(wrong)


def _end_of_compressions(whole: bytes) -> int:
    pos = 35 + whole[34]
    pos += 2 + int.from_bytes(whole[pos : pos + 2])
    return pos + 1 + whole[pos]


def test_a_hello_may_have_no_extensions() -> None:
    hello = parse(body())
    assert (hello.server_name, hello.alpn, hello.versions) == (None, (), (0x0303,))


def test_the_first_host_name_counts() -> None:
    entries = b"\x07" + block(b"other") + b"\0" + block(b"one.test") + b"\0" + block(b"two.test")
    assert parse(body(extension(0, block(entries)))).server_name == "one.test"


def test_an_empty_host_name_is_none() -> None:
    assert parse(body(extension(0, block(b"\0" + block(b"") + b"\0" + block(b""))))).server_name is None


def test_a_name_is_kept_as_sent_byte_by_byte() -> None:
    assert parse(body(server_name(b"A\0\xff.test."))).server_name == "A\0\xff.test."


def test_grease_is_no_version() -> None:
    assert parse(body(supported_versions(0x8A8A, 0x0304, 0x0303))).versions == (0x0304, 0x0303)
    assert [value for value in (0x0A0A, 0xFAFA, 0x0A1A, 0x0304, 0x0B0B) if is_grease(value)] == [0x0A0A, 0xFAFA]


def test_a_long_alpn_list_is_read_like_a_short_one() -> None:
    many = [b"protocol-%d" % number for number in range(100)]
    assert parse(body(alpn(*many))).alpn == tuple(each.decode() for each in many)
    assert parse(body(alpn(b"h2"))).alpn == ("h2",)


BAD = {
    "session id over 32": body(session_id=bytes(33)),
    "no cipher": body(ciphers=b""),
    "odd ciphers": body(ciphers=b"\x13\x01\x13"),
    "no compression": body(compressions=b""),
    "bytes after the extensions": body(server_name(b"a.test")) + b"\0",
    "an extension after the extensions": body(server_name(b"a.test")) + extension(21, b""),
    "an extension cut in its header": body(b"\0\0\0"),
    "an extension that is too long": body(b"\0\x05\0\x09abc"),
    "server_name twice": body(server_name(b"a.test"), server_name(b"b.test")),
    "server_name without a list": body(extension(0, b"")),
    "server_name with an empty list": body(extension(0, block(b""))),
    "server_name with a wrong list length": body(extension(0, b"\0\x09\0\0\x01a")),
    "server_name with a name that is too long": body(extension(0, block(b"\0\0\x09a"))),
    "server_name cut in an entry": body(extension(0, block(b"\0\0\x01a\0"))),
    "ALPN without a list": body(extension(16, b"")),
    "ALPN with an empty list": body(extension(16, block(b""))),
    "ALPN with an empty protocol": body(alpn(b"h2", b"")),
    "ALPN with a protocol that is too long": body(extension(16, block(b"\x09h2"))),
    "ALPN with a wrong list length": body(extension(16, b"\0\x09\x02h2")),
    "supported_versions without a list": body(extension(43, b"")),
    "supported_versions with an empty list": body(supported_versions()),
    "supported_versions with half a version": body(extension(43, b"\x03\x03\x04\x03")),
    "supported_versions with a wrong length": body(extension(43, b"\x04\x03\x04")),
}


@pytest.mark.parametrize("wrong", BAD.values(), ids=BAD.keys())
def test_a_broken_hello_is_bad(wrong: bytes) -> None:
    with pytest.raises(BadHello):
        parse(wrong)


def test_a_name_is_compared_in_lower_case_without_its_dot() -> None:
    assert normal_name("Gateway.Example.TEST.") == "gateway.example.test"
    assert normal_name("a..") == "a."
    assert ClientHello("A.Test.", (), 0x0303, ()).name == "a.test"
    assert ClientHello(None, (), 0x0303, ()).name is None


@pytest.mark.parametrize(
    ("versions", "word"),
    [
        ((0x0303, 0x0304), "TLSv1.3"),
        ((0x0303,), "TLSv1.2"),
        ((0x0302, 0x0301), "TLSv1.1"),
        ((0x0301,), "TLSv1"),
        ((0x0300,), "SSLv3"),
        ((0x0002,), "SSLv2"),
        ((0x7F1C,), ""),
        ((), ""),
    ],
)
def test_the_protocol_is_the_highest_version_known(versions: tuple[int, ...], word: str) -> None:
    assert ClientHello(None, (), 0x0303, versions).protocol == word


def test_alpn_protocols_are_joined_by_commas() -> None:
    assert ClientHello(None, ("h2", "http/1.1"), 0x0303, ()).alpn_protocols == "h2,http/1.1"
    assert ClientHello(None, (), 0x0303, ()).alpn_protocols == ""


PREREAD = "$ssl_preread_server_name|$ssl_preread_alpn_protocols|$ssl_preread_protocol"


def said_by(nginx: Nginx, data: bytes) -> list[str]:
    with socket.create_connection(("127.0.0.1", nginx.port("in")), seconds(10)) as client:
        client.sendall(data)
        answer = b""
        while piece := client.recv(4096):
            answer += piece
    return answer.decode("latin-1").split("|")


@requires("nginx-stream")
def test_nginx_reads_every_recorded_hello_alike(tmp_path: Path) -> None:
    text = f'stream {{ server {{ listen 127.0.0.1:%%PORT_in%%; ssl_preread on; return "{PREREAD}"; }} }}'
    differing = []
    with Nginx(tmp_path, text) as nginx:
        for recorded in TLS_HELLOS:
            hello = sniff(recorded.data).hello
            assert hello is not None
            *said, protocol = said_by(nginx, recorded.data)
            assert said == [hello.server_name or "", hello.alpn_protocols]
            if protocol != hello.protocol:
                differing.append((str(recorded), protocol, hello.protocol))
    # nginx takes the presence of supported_versions for an offer of 1.3; these clients list 1.2 alone there
    assert differing == [(file, "TLSv1.3", "TLSv1.2") for file in ("go119-12", "go124-12", "java25-tls12")]
