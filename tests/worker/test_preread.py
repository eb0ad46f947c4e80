"""What is read before a session knows where it goes: the PROXY header, the first bytes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from clients import client_hello, reset
from workerbench import Bench

from penstock.shared.model.settings import Settings
from penstock.shared.proxy_header import AddressPort, ProxyHeader
from penstock.shared.proxy_protocol import build_v1, build_v2
from penstock.worker.preread import MAX_HEADER, believe

Build = Callable[[AddressPort, AddressPort], bytes]

FROM = ("192.0.2.7", 4321)
TO = ("203.0.113.9", 443)
SAYS = "$remote_addr|$remote_port|$realip_remote_addr|$proxy_protocol_addr"
HEADER = "server {{ listen 127.0.0.1:%%PORT_a%% proxy_protocol; {} }}"
PREREAD = "server {{ listen 127.0.0.1:%%PORT_a%%; ssl_preread on; {} }}"
NAMES = 'return "$ssl_preread_server_name|";'


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield sock


def to(listening: socket.socket) -> str:
    return f"proxy_pass 127.0.0.1:{listening.getsockname()[1]};"


# The PROXY header.


@pytest.mark.parametrize("build", [build_v1, build_v2])
@pytest.mark.parametrize("cut", [1, 5, 13, 27])
def test_a_header_in_two_pieces_is_read(
    tmp_path: Path, build: Callable[[AddressPort, AddressPort], bytes], cut: int
) -> None:
    with Bench(HEADER.format(f'set_real_ip_from 127.0.0.1; return "{SAYS}";'), tmp_path) as bench:
        client = bench.client()
        data = build(FROM, TO)
        client.send(data[:cut])
        bench.turn()
        bench.turn()
        client.send(data[cut:])
        assert bench.hear_all(client) == b"192.0.2.7|4321|127.0.0.1|192.0.2.7"


def test_a_header_of_a_stranger_is_read_but_not_believed(tmp_path: Path) -> None:
    with Bench(HEADER.format(f'set_real_ip_from 10.0.0.0/8; return "{SAYS}";'), tmp_path) as bench:
        client = bench.client()
        client.send(build_v1(FROM, TO))
        said = bench.hear_all(client).decode().split("|")
        assert said == ["127.0.0.1", str(client.getsockname()[1]), "127.0.0.1", "192.0.2.7"]


def test_what_follows_the_header_at_once_arrives_and_so_does_the_end(tmp_path: Path, listening: socket.socket) -> None:
    with Bench(HEADER.format(to(listening)), tmp_path) as bench:
        client = bench.client()
        client.send(build_v1(FROM, TO) + b"all there is")
        client.shutdown(socket.SHUT_WR)
        assert bench.hear_all(bench.accepted(listening)) == b"all there is"
        bench.idle()


def test_a_hello_that_came_with_the_header_is_seen(tmp_path: Path) -> None:
    with Bench(HEADER.format(f"ssl_preread on; preread_timeout 5s; {NAMES}"), tmp_path) as bench:
        client = bench.client()
        client.send(build_v2(FROM, TO) + client_hello("a.test"))
        assert bench.hear(client, 7) == b"a.test|"


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP9 a b c d\r\n", b"\r\n\r\n\0\r\nQUIX\n"])
def test_bytes_that_are_no_header_are_refused(tmp_path: Path, data: bytes) -> None:
    with Bench(HEADER.format("return in;"), tmp_path) as bench:
        client = bench.client()
        client.send(data)
        assert bench.ended(client)
        assert bench.refused("proxy_protocol") == 1
        assert bench.status(400) == 1
        assert bench.line("while reading PROXY protocol")


def test_a_header_that_declares_too_much_is_refused(tmp_path: Path) -> None:
    with Bench(HEADER.format("return in;"), tmp_path) as bench:
        client = bench.client()
        client.send(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" + bytes(MAX_HEADER))
        assert bench.ended(client)
        assert bench.refused("proxy_protocol") == 1


@pytest.mark.parametrize("data", [b"", b"PROXY TCP4 192.0"])
@pytest.mark.parametrize("cruel", [False, True])
def test_a_client_that_leaves_before_the_header_is_whole_ends(tmp_path: Path, data: bytes, cruel: bool) -> None:
    with Bench(HEADER.format("return in;"), tmp_path) as bench:
        client = bench.client()
        if data:
            client.send(data)
        if cruel:
            reset(client)
        else:
            client.close()
        bench.until(lambda: bench.refused("proxy_protocol"))
        bench.idle()


def test_a_header_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    with Bench(HEADER.format("proxy_protocol_timeout 100ms; return in;"), tmp_path) as bench:
        client = bench.client()
        client.send(b"PROXY")
        assert bench.ended(client)
        assert bench.line("client timed out (110: Connection timed out) while reading PROXY protocol")


class Claimed:
    """A session that received a header."""

    def __init__(self, peer: str, source: str) -> None:
        self.peer_addr = self.remote_addr = peer
        self.remote_port = 1
        self.proxy = ProxyHeader(1, 0, (source, 4321), TO)


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [("127.0.0.1", True), ("127.0.0.2", False), ("2001:db8::1", True), ("2001:db9::1", False), ("unix:", True)],
)
def test_who_is_believed(peer: str, trusted: bool) -> None:
    session = Claimed(peer, "192.0.2.7")
    networks = (ip_network("127.0.0.1/32"), ip_network("2001:db8::/32"))
    believe(session, Settings(real_ip_from=networks, real_ip_from_unix=True))  # type: ignore[arg-type]  # what it reads
    assert (session.remote_addr == "192.0.2.7") is trusted


def test_a_header_without_an_address_changes_nothing() -> None:
    session = Claimed("127.0.0.1", "")
    believe(session, Settings(real_ip_from=(ip_network("0.0.0.0/0"),)))  # type: ignore[arg-type]
    assert session.remote_addr == "127.0.0.1"


# The look at the first bytes, in a `server {}`.


@pytest.mark.parametrize("cut", [1, 5, 60, -1])
def test_a_hello_in_two_pieces_is_seen_whole(tmp_path: Path, cut: int) -> None:
    with Bench(PREREAD.format(NAMES), tmp_path) as bench:
        client = bench.client()
        hello = client_hello("a.test")
        client.send(hello[:cut])
        for _ in range(3):
            bench.turn()
        client.send(hello[cut:])
        assert bench.hear(client, 7) == b"a.test|"
        bench.idle()
        assert bench.sniffed("tls") == 1


def test_a_hello_byte_by_byte_is_seen_whole(tmp_path: Path) -> None:
    with Bench(PREREAD.format(NAMES), tmp_path) as bench:
        client = bench.client()
        for byte in client_hello("a.test"):
            client.send(bytes((byte,)))
            bench.spin()
        assert bench.hear(client, 7) == b"a.test|"


def test_the_look_takes_nothing(tmp_path: Path, listening: socket.socket) -> None:
    with Bench(PREREAD.format(to(listening)), tmp_path) as bench:
        client = bench.client()
        hello = client_hello("a.test")
        client.send(hello + b"and more")
        assert bench.hear(bench.accepted(listening), len(hello) + 8) == hello + b"and more"


def test_an_end_that_came_with_the_hello_is_not_missed(tmp_path: Path, listening: socket.socket) -> None:
    with Bench(PREREAD.format(to(listening)), tmp_path) as bench:
        client = bench.client()
        hello = client_hello("a.test")
        client.send(hello)
        client.shutdown(socket.SHUT_WR)
        assert bench.hear_all(bench.accepted(listening)) == hello
        bench.idle()


def test_plain_bytes_are_proxied_without_a_name(tmp_path: Path) -> None:
    with Bench(PREREAD.format(NAMES), tmp_path) as bench:
        client = bench.client()
        client.send(b"HELO there")
        assert bench.hear(client, 1) == b"|"
        bench.idle()
        assert bench.sniffed("plain") == 1


@pytest.mark.parametrize("first", [10, 100, 511])
def test_a_hello_larger_than_the_buffer_is_refused_however_it_comes(tmp_path: Path, first: int) -> None:
    with Bench(PREREAD.format(f"preread_buffer_size 512; preread_timeout 5s; {NAMES}"), tmp_path) as bench:
        client = bench.client()
        hello = client_hello("a" * 60 + ".test", alpn=["p" * 200, "q" * 200])
        assert len(hello) > 600
        client.send(hello[:first])
        bench.turn()
        bench.turn()
        client.send(hello[first:-1])
        assert bench.ended(client)
        assert bench.refused("sniff_too_large") == 1
        assert bench.status(400) == 1


def test_half_a_hello_is_waited_for_no_longer_than_the_timeout(tmp_path: Path) -> None:
    with Bench(PREREAD.format(f"preread_timeout 100ms; {NAMES}"), tmp_path) as bench:
        client = bench.client()
        client.send(client_hello("a.test")[:50])
        assert bench.ended(client)
        assert bench.sniffed("timeout") == 1
        assert bench.status(200) == 1


@pytest.mark.parametrize("sent", [0, 50])
@pytest.mark.parametrize("cruel", [False, True])
def test_a_client_that_leaves_during_the_look_ends(tmp_path: Path, sent: int, cruel: bool) -> None:
    with Bench(PREREAD.format(NAMES), tmp_path) as bench:
        client = bench.client()
        if sent:
            client.send(client_hello("a.test")[:sent])
        bench.turn()
        if cruel:
            reset(client)
        else:
            client.close()
        bench.until(lambda: bench.sniffed("closed"))
        bench.idle()
