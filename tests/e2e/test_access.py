"""Who may come in, and who they say they are: `allow`, `deny`, the PROXY protocol and real addresses; as on nginx."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clients import ask, connect, connect_unix, echoed, ended_without_a_byte, read_all, read_exactly
from daemon import Daemon
from oracle import PROGRAMS, oracle
from peers import Peer

CONFIG = """
stream {
    log_format access '$server_port $status $bytes_sent $remote_addr';
    access_log %%DIR%%/access.log access;

    server { listen 127.0.0.1:%%PORT_denied%%;  deny 127.0.0.1; proxy_pass %%A%%; }
    server { listen 127.0.0.1:%%PORT_allowed%%; allow 127.0.0.0/8; deny all; proxy_pass %%A%%; }
    server { listen 127.0.0.1:%%PORT_first%%;   deny 127.0.0.1; allow 127.0.0.0/8; proxy_pass %%A%%; }
    server { listen 127.0.0.1:%%PORT_other%%;   deny 10.0.0.0/8; proxy_pass %%A%%; }
    server { listen [::1]:%%PORT_six%%;         allow ::1; deny all; return six; }
    server { listen unix:%%DIR%%/denied.sock;   deny unix:; return x; }
    server { listen unix:%%DIR%%/allowed.sock;  allow unix:; deny all; return allowed; }
    server { listen 127.0.0.1:%%PORT_quiet%%;   deny all; return hidden; }

    server { listen 127.0.0.1:%%PORT_header%% proxy_protocol;
             return "$remote_addr|$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr|$proxy_protocol_server_port"; }
    server { listen 127.0.0.1:%%PORT_real%% proxy_protocol; set_real_ip_from 127.0.0.0/8;
             return "$remote_addr|$remote_port|$realip_remote_addr|$server_addr"; }
    server { listen 127.0.0.1:%%PORT_untrusted%% proxy_protocol; set_real_ip_from 10.0.0.0/8; return "$remote_addr|$realip_remote_addr"; }
    server { listen 127.0.0.1:%%PORT_judged%% proxy_protocol; set_real_ip_from 127.0.0.1; deny 192.0.2.0/24; return in; }
    server { listen 127.0.0.1:%%PORT_late%% proxy_protocol; proxy_protocol_timeout 200ms; return in; }
    server { listen 127.0.0.1:%%PORT_behind%% proxy_protocol; proxy_pass %%ECHO%%; }

    server { listen 127.0.0.1:%%PORT_send%%;       proxy_protocol on; proxy_pass %%DUMP%%; }
    server { listen [::1]:%%PORT_send6%%;          proxy_protocol on; proxy_pass %%DUMP%%; }
    server { listen unix:%%DIR%%/send.sock;        proxy_protocol on; proxy_pass %%DUMP%%; }
    server { listen 127.0.0.1:%%PORT_hand_on%% proxy_protocol; proxy_protocol on; proxy_pass %%DUMP%%; }
    server { listen 127.0.0.1:%%PORT_hand_real%% proxy_protocol; set_real_ip_from 127.0.0.1; proxy_protocol on; proxy_pass %%DUMP%%; }
}
"""

HEADER = b"PROXY TCP4 192.0.2.7 198.51.100.9 1111 2222\r\n"
V2 = bytes.fromhex("0d0a0d0a000d0a515549540a" "21" "11" "000c" "c0000207" "c6336409" "0457" "08ae")  # fmt: skip
"""The same as `HEADER` in version 2."""


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, peer_a: Peer, echo: Peer, dumper: Peer
) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("access")
    with oracle(request.param, directory, CONFIG, A=peer_a, ECHO=echo, DUMP=dumper) as daemon:
        yield daemon


@pytest.mark.parametrize("port", ["denied", "first", "quiet"])
def test_who_is_denied_gets_no_byte_and_status_403(running: Daemon, port: str) -> None:
    with connect(running.port(port)) as client:
        assert ended_without_a_byte(client)
    assert running.session(port) == "403 0 127.0.0.1"
    running.logged(
        rf"\[error\] .* access forbidden by rule while initializing session, client: 127.0.0.1, server: 127.0.0.1:{running.port(port)}$"
    )


@pytest.mark.parametrize("port", ["allowed", "other"])
def test_who_is_allowed_comes_in(running: Daemon, port: str) -> None:
    with connect(running.port(port)) as client:
        assert client.recv(1) == b"a"


def test_ipv6_addresses_are_judged(running: Daemon) -> None:
    with connect(running.port("six"), host="::1") as client:
        assert read_all(client) == b"six"


def test_unix_clients_are_judged(running: Daemon) -> None:
    with connect_unix(str(running.directory / "denied.sock")) as client:
        assert ended_without_a_byte(client)
    with connect_unix(str(running.directory / "allowed.sock")) as client:
        assert read_all(client) == b"allowed"


@pytest.mark.parametrize("header", [HEADER, V2])
def test_a_proxy_header_is_told_by_variables(running: Daemon, header: bytes) -> None:
    assert ask(running.port("header"), header) == b"127.0.0.1|192.0.2.7|1111|198.51.100.9|2222"


def test_an_unknown_proxy_header_tells_nothing(running: Daemon) -> None:
    assert ask(running.port("header"), b"PROXY UNKNOWN\r\n") == b"127.0.0.1||||"


@pytest.mark.parametrize("header", [HEADER, V2])
def test_a_trusted_proxy_replaces_the_clients_address(running: Daemon, header: bytes) -> None:
    assert ask(running.port("real"), header) == b"192.0.2.7|1111|127.0.0.1|127.0.0.1"


def test_a_proxy_that_is_not_trusted_replaces_nothing(running: Daemon) -> None:
    assert ask(running.port("untrusted"), HEADER) == b"127.0.0.1|127.0.0.1"


def test_access_judges_the_real_address(running: Daemon) -> None:
    with connect(running.port("judged")) as client:
        client.sendall(HEADER)
        assert ended_without_a_byte(client)
    assert running.session("judged") == "403 0 192.0.2.7"


def test_a_header_that_is_none_is_400(running: Daemon) -> None:
    with connect(running.port("header")) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert ended_without_a_byte(client)
    running.logged(rf"^{running.port('header')} 400 0 ", "access.log")
    running.logged(r'\[error\] .* broken header: "GET / HTTP/1.0')


def test_a_header_that_does_not_come_ends_the_session(running: Daemon) -> None:
    with connect(running.port("late")) as client:
        assert ended_without_a_byte(client)
    assert running.session("late").split()[0] == "200"


def test_what_follows_the_header_goes_to_the_upstream(running: Daemon) -> None:
    with connect(running.port("behind")) as client:
        client.sendall(HEADER + b"payload")
        assert read_exactly(client, 7) == b"payload"
        assert echoed(client, b"more") == b"more"


def test_the_upstream_is_told_the_client(running: Daemon) -> None:
    with connect(running.port("send")) as client:
        port = client.getsockname()[1]
        told = bytes.fromhex(read_all(client).decode())
    assert told == f"PROXY TCP4 127.0.0.1 127.0.0.1 {port} {running.port('send')}\r\n".encode()


def test_the_upstream_is_told_an_ipv6_client(running: Daemon) -> None:
    with connect(running.port("send6"), host="::1") as client:
        port = client.getsockname()[1]
        told = bytes.fromhex(read_all(client).decode())
    assert told == f"PROXY TCP6 ::1 ::1 {port} {running.port('send6')}\r\n".encode()


def test_a_unix_client_is_told_as_unknown(running: Daemon) -> None:
    with connect_unix(str(running.directory / "send.sock")) as client:
        assert bytes.fromhex(read_all(client).decode()) == b"PROXY UNKNOWN\r\n"


def test_only_a_trusted_header_is_handed_on(running: Daemon) -> None:
    untrusted = bytes.fromhex(ask(running.port("hand_on"), HEADER).decode())
    trusted = bytes.fromhex(ask(running.port("hand_real"), HEADER).decode())
    assert untrusted.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
    assert trusted == f"PROXY TCP4 192.0.2.7 127.0.0.1 1111 {running.port('hand_real')}\r\n".encode()
