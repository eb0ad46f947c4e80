"""Where log plugins send things, over real sockets."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from certs import Authority
from peers import Full
from receivers import datagrams, play, received, tcp, until

from penstock.worker.kit.outlets import TcpOutlet, UdpOutlet, client_tls


def outlet(port: int, keepalive: float = 60.0, timeout: float = 5.0) -> TcpOutlet:
    return TcpOutlet("127.0.0.1", port, timeout, keepalive)


def test_a_connection_is_kept() -> None:
    async def scenario() -> None:
        async with tcp() as server:
            sender = outlet(server.port)
            for text in (b"a\n", b"b\n"):
                await sender.send(text)
            await until(lambda: server.lines() == [b"a", b"b"], "both lines")
            assert len(server.connections) == 1
            await sender.close()

    play(scenario)


def test_one_that_was_idle_for_too_long_is_not_used() -> None:
    async def scenario() -> None:
        async with tcp() as server:
            sender = outlet(server.port, keepalive=0.0)
            for text in (b"a\n", b"b\n"):
                await sender.send(text)
            await until(lambda: sorted(server.lines()) == [b"a", b"b"], "both lines")
            assert len(server.connections) == 2
            await sender.close()

    play(scenario)


def test_one_that_the_server_closed_is_replaced() -> None:
    async def scenario() -> None:
        async with tcp() as server:
            sender = outlet(server.port)
            await sender.send(b"a\n")
            await until(server.lines, "the first line")
            server.connections[0].close()
            assert sender._streams is not None
            await until(sender._streams[0].at_eof, "the end")
            await sender.send(b"b\n")
            await until(lambda: server.lines() == [b"a", b"b"], "the second line")
            await sender.close()

    play(scenario)


def test_a_server_that_refuses_is_an_error_and_is_found_when_it_is_back() -> None:
    async def scenario() -> None:
        async with tcp() as server:
            port = server.port
        sender = outlet(port)
        with pytest.raises(ConnectionRefusedError, match=rf"'127\.0\.0\.1:{port}'"):
            await sender.send(b"a\n")
        async with tcp(port=port) as server:
            await sender.send(b"b\n")
            await until(lambda: server.lines() == [b"b"], "the line")
            await sender.close()

    play(scenario)


def test_a_server_that_does_not_answer_is_an_error_in_time() -> None:
    async def scenario() -> None:
        full = Full()
        try:
            with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
                await outlet(full.port, timeout=0.05).send(b"a\n")
        finally:
            full.close()

    play(scenario)


@pytest.mark.parametrize(("name", "trusted"), [("log.test", True), ("other.test", False)])
def test_tls_is_verified_for_the_name(authority: Authority, name: str, trusted: bool) -> None:
    async def scenario() -> None:
        async with tcp(authority.server("log.test")) as server:
            context = client_tls(True, str(authority.file))
            sender = TcpOutlet("127.0.0.1", server.port, 5.0, 60.0, context, name)
            if trusted:
                await sender.send(b"a\n")
                await until(lambda: server.lines() == [b"a"], "the line")
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    await sender.send(b"a\n")
            await sender.close()

    play(scenario)


def test_an_ipv6_address_may_be_in_brackets() -> None:
    async def scenario() -> None:
        with datagrams(family=socket.AF_INET6) as server:
            sender = UdpOutlet("[::1]", server.getsockname()[1], 5.0)
            await sender.send([b"a"])
            assert received(server) == [b"a"]
            sender.close()
        with pytest.raises(ConnectionRefusedError, match=r"'\[::1\]:1'"):
            await TcpOutlet("[::1]", 1, 5.0, 5.0).send(b"a")

    play(scenario)


def test_datagrams_go_to_an_address_and_to_a_path(tmp_path: Path) -> None:
    async def scenario() -> None:
        with datagrams() as one, datagrams(tmp_path / "log") as two:
            for sender in (
                UdpOutlet("127.0.0.1", one.getsockname()[1], 5.0),
                UdpOutlet(f"unix:{tmp_path}/log", 0, 5.0),
            ):
                await sender.send([b"a", b"b"])
                sender.close()
            assert received(one) == received(two) == [b"a", b"b"]

    play(scenario)


def test_a_server_that_was_restarted_is_found(tmp_path: Path) -> None:
    async def scenario() -> None:
        sender = UdpOutlet(f"unix:{tmp_path}/log", 0, 5.0)
        with datagrams(tmp_path / "log"):
            await sender.send([b"a"])
        (tmp_path / "log").unlink()
        with datagrams(tmp_path / "log") as again:
            await sender.send([b"b"])
            assert received(again) == [b"b"]
        sender.close()

    play(scenario)


def test_what_the_network_said_of_an_earlier_datagram_is_no_error() -> None:
    async def scenario() -> None:
        with datagrams() as gone:
            port = gone.getsockname()[1]
        sender = UdpOutlet("127.0.0.1", port, 5.0)
        await sender.send([b"a", b"b", b"c"])
        sender.close()

    play(scenario)


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    async def scenario() -> None:
        with pytest.raises(FileNotFoundError, match=r"'unix:.*/log'"):
            await UdpOutlet(f"unix:{tmp_path}/log", 0, 5.0).send([b"a"])

    play(scenario)
