"""The PROXY protocol against noise, and against the programs that everybody uses."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deadline import seconds, wait_for
from filling import bound_ports
from hypothesis import given, settings
from hypothesis import strategies as st
from needs import program, requires
from nginx import Nginx
from ports import free_port, release

from penstock.shared.proxy_protocol import LOCAL_HEADER, AddressPort, Outcome, ProxyHeader, build_v1, build_v2, parse

IPS = st.ip_addresses().map(str)
PORTS = st.integers(0, 65535)
TLVS = st.lists(st.tuples(st.integers(0, 255).filter(lambda kind: kind != 3), st.binary(max_size=40)), max_size=4)


@settings(deadline=None)
@given(st.tuples(IPS, PORTS), st.tuples(IPS, PORTS), TLVS, st.booleans(), st.binary(max_size=10))
def test_what_is_built_is_read(
    source: AddressPort, destination: AddressPort, tlvs: list[tuple[int, bytes]], checksum: bool, rest: bytes
) -> None:
    for data in (build_v1(source, destination), build_v2(source, destination, tlvs, checksum)):
        header = parse(data + rest).header
        assert header is not None
        assert header.length == len(data)
        assert (header.source_port, header.destination_port) == (source[1], destination[1])
        assert header.source_addr.endswith(source[0]) or ":" in source[0]


STARTS = st.sampled_from(
    [b"", b"PROXY ", b"PROXY TCP4 1.2.3.4 ", LOCAL_HEADER[:12], LOCAL_HEADER[:12] + b"\x21\x11\0\x20"]
)


@settings(max_examples=300, deadline=None)
@given(STARTS, st.binary(max_size=120))
def test_noise_gives_an_answer_that_stays(start: bytes, noise: bytes) -> None:
    data = start + noise
    found = parse(data)
    if found.outcome is Outcome.MORE:
        assert found.need > len(data)
        return
    assert parse(data + b"\0").outcome is found.outcome
    assert (found.header is not None) == (found.outcome is Outcome.HEADER)
    assert found.header is None or found.header.length <= len(data)


# -- real programs


def received(connect_port: int, accept_port: int) -> tuple[ProxyHeader, AddressPort, bytes]:
    """What a proxy between two ports sends first: its header, the client's own address, and the bytes after it."""
    with socket.create_server(("127.0.0.1", accept_port)) as server:
        server.settimeout(seconds(10))
        with socket.create_connection(("127.0.0.1", connect_port), seconds(10)) as client:
            client.sendall(b"hello")
            upstream, _ = server.accept()
            with upstream:
                upstream.settimeout(seconds(10))
                data = b""
                while not data.endswith(b"hello"):
                    piece = upstream.recv(4096)
                    assert piece, data
                    data += piece
                header = parse(data).header
                assert header is not None
                return header, client.getsockname(), data[header.length :]


def check_sent(connect_port: int, accept_port: int, version: int) -> ProxyHeader:
    header, client, rest = received(connect_port, accept_port)
    assert (header.source_addr, header.source_port) == client
    assert (header.destination_addr, header.destination_port) == ("127.0.0.1", connect_port)
    assert (header.version, rest) == (version, b"hello")
    return header


@contextlib.contextmanager
def haproxy(directory: Path, text: str, port: int) -> Iterator[None]:
    """HAProxy on a configuration, once it listens on `port`."""
    file = directory / "haproxy.cfg"
    file.write_text("defaults\n mode tcp\n timeout client 10s\n timeout server 10s\n timeout connect 5s\n" + text)
    with subprocess.Popen([program("haproxy"), "-db", "-f", file], stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: process.poll() is not None or port in bound_ports(), "haproxy listens")
            assert process.poll() is None, process.stderr and process.stderr.read()
            yield
        finally:
            process.terminate()


@pytest.fixture
def two_ports() -> Iterator[tuple[int, int]]:
    ports = (free_port(), free_port())
    yield ports
    for port in ports:
        release(port)


@requires("haproxy")
@pytest.mark.parametrize(("words", "version"), [("send-proxy", 1), ("send-proxy-v2", 2)])
def test_what_haproxy_sends_is_read(tmp_path: Path, two_ports: tuple[int, int], words: str, version: int) -> None:
    listen, upstream = two_ports
    text = f"listen l\n bind 127.0.0.1:{listen}\n server s 127.0.0.1:{upstream} {words}\n"
    with haproxy(tmp_path, text, listen):
        check_sent(listen, upstream, version)


@requires("haproxy")
def test_haproxys_checksum_and_extensions_are_read(tmp_path: Path, two_ports: tuple[int, int]) -> None:
    listen, upstream = two_ports
    options = "send-proxy-v2 proxy-v2-options crc32c,unique-id"
    text = f"listen l\n bind 127.0.0.1:{listen}\n unique-id-format id-%pid\n server s 127.0.0.1:{upstream} {options}\n"
    with haproxy(tmp_path, text, listen):
        header = check_sent(listen, upstream, 2)
    assert (header.tlv(0x05) or b"").startswith(b"id-")
    assert len(header.tlv(0x03) or b"") == 4


@requires("nginx-stream")
def test_what_nginx_sends_is_read(tmp_path: Path, two_ports: tuple[int, int]) -> None:
    text = "stream { server { listen 127.0.0.1:%%PORT_in%%; proxy_pass 127.0.0.1:%%UP%%; proxy_protocol on; } }"
    with Nginx(tmp_path, text, UP=two_ports[1]) as nginx:
        check_sent(nginx.port("in"), two_ports[1], 1)


def answer_to(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), seconds(10)) as client:
        client.sendall(data)
        answer = b""
        while piece := client.recv(4096):
            answer += piece
        return answer


V4 = (("192.0.2.1", 51234), ("192.0.2.2", 443))
V6 = (("2001:db8::1", 1), ("2001:db8::2", 65535))
BUILDERS: list[Callable[..., bytes]] = [build_v1, build_v2]


@requires("nginx-stream")
@pytest.mark.parametrize("ends", [V4, V6])
@pytest.mark.parametrize("build", BUILDERS)
def test_nginx_reads_what_is_built(
    tmp_path: Path, build: Callable[..., bytes], ends: tuple[AddressPort, AddressPort]
) -> None:
    said = "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port"
    text = f'stream {{ server {{ listen 127.0.0.1:%%PORT_in%% proxy_protocol; return "{said}"; }} }}'
    with Nginx(tmp_path, text) as nginx:
        answer = answer_to(nginx.port("in"), build(*ends))
    (source, port), (destination, to) = ends
    assert answer.decode() == f"{source} {port} {destination} {to}"


@requires("haproxy")
@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("build", BUILDERS)
def test_haproxy_reads_what_is_built(
    tmp_path: Path, two_ports: tuple[int, int], build: Callable[..., bytes], checksum: bool
) -> None:
    listen, upstream = two_ports
    text = f"listen l\n bind 127.0.0.1:{listen} accept-proxy\n server s 127.0.0.1:{upstream} send-proxy\n"
    data = build(*V4) if build is build_v1 else build_v2(*V4, [(5, b"id")], checksum)
    with haproxy(tmp_path, text, listen), socket.create_server(("127.0.0.1", upstream)) as server:
        server.settimeout(seconds(10))
        with socket.create_connection(("127.0.0.1", listen), seconds(10)) as client:
            client.sendall(data + b"hello")
            accepted, _ = server.accept()
            with accepted, accepted.makefile("rb") as lines:
                accepted.settimeout(seconds(10))
                assert lines.readline() == build_v1(*V4)
                assert lines.read(5) == b"hello"
