"""Binding one address."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from builds import stream
from ports import free_port, release

from penstock.master.binding import IPPROTO_MPTCP, Bound, adopt, bind, bind_again, bind_failed, listen
from penstock.master.inherit import Opener
from penstock.shared.model.address import Address, ipv4, ipv6, unix
from penstock.shared.model.listen import Keepalive, Listen
from penstock.shared.model.where import NOWHERE, Where

SO_PROTOCOL: Final = 38


def wanted(address: Address) -> Listen:
    return Listen(address, NOWHERE)


def opened(wish: Listen, joins: bool = False) -> Bound:
    bound = bind(wish, joins)
    listen(bound.sockets[0], wish)
    return bound


def port_of(bound: Bound) -> int:
    port: int = bound.sockets[0].getsockname()[1]
    return port


def test_a_port_of_another_process_of_the_same_user_is_taken_even_if_it_would_share() -> None:
    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        foreign.bind(("127.0.0.1", 0))
        foreign.listen()
        with pytest.raises(OSError, match="Address already in use") as caught:
            bind(wanted(ipv4("127.0.0.1", foreign.getsockname()[1])), joins=False)
        assert caught.value.errno == errno.EADDRINUSE


def test_more_sockets_join_the_first_and_share_its_clients() -> None:
    bound = opened(wanted(ipv4("127.0.0.1", 0)))
    wish = wanted(ipv4("127.0.0.1", port_of(bound)))
    bound.sockets.append(bind_again(wish))
    listen(bound.sockets[1], wish)
    clients = [socket.create_connection(("127.0.0.1", wish.address.port)) for _ in range(64)]
    assert [queued(one) > 0 for one in bound.sockets] == [True, True]
    bound.close()
    for client in clients:
        client.close()


def queued(one: socket.socket) -> int:
    count = 0
    while True:
        try:
            one.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_a_wildcard_joins_our_own_socket_on_its_port() -> None:
    narrow = opened(wanted(ipv4("127.0.0.1", 0)))
    wide = wanted(ipv4("0.0.0.0", port_of(narrow)))
    with pytest.raises(OSError, match="Address already in use"):
        bind(wide, joins=False)
    bound = opened(wide, joins=True)
    bound.close()
    narrow.close()


def test_both_families_can_have_one_port() -> None:
    port = free_port()
    four = opened(wanted(ipv4("0.0.0.0", port)))
    six = opened(wanted(ipv6("::", port)))
    four.close()
    six.close()
    release(port)


def test_options_reach_the_socket() -> None:
    keepalive = Keepalive(on=True, idle=30, interval=10, count=4)
    wish = Listen(ipv4("127.0.0.1", 0), NOWHERE, rcvbuf=20000, deferred=True, fastopen=5, so_keepalive=keepalive)
    bound = opened(wish)
    one = bound.sockets[0]
    assert one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 40000  # the kernel doubles it
    assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
    assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 4
    assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) > 0
    assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN) == 5
    assert not one.getblocking()
    bound.close()


def test_a_udp_socket_is_bound_and_does_not_listen() -> None:
    bound = opened(replace(wanted(ipv4("127.0.0.1", 0)), udp=True))
    assert bound.sockets[0].type == socket.SOCK_DGRAM
    assert not bound.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    bound.close()


def test_a_unix_socket_is_open_to_all_and_goes_with_us(tmp_path: Path) -> None:
    path = tmp_path / "s"
    bound = opened(wanted(unix(str(path))))
    assert path.stat().st_mode & 0o777 == 0o666
    assert not bound.spreads
    bound.close()
    assert not path.exists()


def test_a_unix_socket_that_nobody_answers_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()
    opened(wanted(unix(path))).close()


def test_a_unix_socket_that_is_answered_is_taken(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(path)
        living.listen()
        with pytest.raises(OSError, match="Address already in use"):
            bind(wanted(unix(path)), joins=False)
    assert os.path.exists(path)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(OSError, match="Address already in use"):
        bind(wanted(unix(str(path))), joins=False)
    assert path.read_text() == "precious"


def test_a_path_that_another_took_over_is_not_removed(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    old = opened(wanted(unix(path)))
    os.unlink(path)
    new = opened(wanted(unix(path)))
    old.close()
    assert os.path.exists(path)
    new.close()


def test_a_refusal_is_one_sentence_with_place_and_help() -> None:
    wish = Listen(ipv4("0.0.0.0", 80), Where("/c", 3))
    error = bind_failed(wish, PermissionError(errno.EACCES, "Permission denied"))
    assert error.text == (
        "bind() to 0.0.0.0:80 failed (13: Permission denied); ports below 1024 need root or CAP_NET_BIND_SERVICE"
    )
    assert error.where == Where("/c", 3)


@pytest.mark.parametrize(
    ("parameter", "level", "name", "value"),
    [
        ("rcvbuf=32k", socket.SOL_SOCKET, socket.SO_RCVBUF, 65536),
        ("sndbuf=32k", socket.SOL_SOCKET, socket.SO_SNDBUF, 65536),
        ("fastopen=7", socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 7),
        ("deferred", socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1),
        ("so_keepalive=on", socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        ("so_keepalive=off", socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0),
        ("so_keepalive=30m::10", socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        ("so_keepalive=30m::10", socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1800),
        ("so_keepalive=30m::10", socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 10),
        ("so_keepalive=:20s:", socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20),
        ("multipath", socket.SOL_SOCKET, SO_PROTOCOL, IPPROTO_MPTCP),
        ("bind", socket.SOL_SOCKET, SO_PROTOCOL, socket.IPPROTO_TCP),
    ],
)
def test_a_parameter_of_listen_is_an_option_of_the_socket(parameter: str, level: int, name: int, value: int) -> None:
    bound = opened_as(f"127.0.0.1:{{}} {parameter}")
    assert bound.sockets[0].getsockopt(level, name) == value
    bound.close()


@pytest.mark.parametrize(("parameter", "only"), [("", 1), ("ipv6only=on", 1), ("ipv6only=off", 0)])
def test_an_ipv6_socket_has_ipv4_clients_only_when_asked(parameter: str, only: int) -> None:
    bound = opened_as(f"[::]:{{}} {parameter}")
    assert bound.sockets[0].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == only
    bound.close()


@pytest.mark.parametrize(("parameter", "backlog"), [("", 511), ("backlog=9", 9)])
def test_the_queue_is_as_long_as_the_backlog(parameter: str, backlog: int) -> None:
    bound = opened_as(f"127.0.0.1:{{}} {parameter}")
    info = bound.sockets[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    assert int.from_bytes(info[28:32], "little") == backlog  # of a socket that listens: tcpi_sacked
    bound.close()


def opened_as(words: str) -> Bound:
    """The socket of a `listen` in a configuration."""
    port = free_port()
    (server,) = stream(f"server {{ listen {words.format(port)}; return x; }}").servers
    bound = opened(server.listens[0])
    release(port)
    return bound


def test_a_path_that_somebody_else_uses_stays(tmp_path: Path) -> None:
    path = tmp_path / "s"
    bound = opened(wanted(unix(str(path))))
    bound.close(keep_path=True)
    assert path.exists()
    with socket.socket(socket.AF_UNIX) as other:
        path.unlink()
        other.bind(str(path))
        adopt(wanted(unix(str(path))), [other], Opener.ELDER).close()
    assert not path.exists()


@pytest.mark.parametrize(
    ("opener", "address", "spreads"),
    [
        (Opener.MANAGER, ipv4("127.0.0.1", 1), False),
        (Opener.ELDER, ipv4("127.0.0.1", 1), True),
        (Opener.ELDER, unix("/s"), False),
    ],
)
def test_only_an_old_program_s_sockets_are_one_a_slot(opener: Opener, address: Address, spreads: bool) -> None:
    bound = adopt(wanted(address), [], opener)
    assert (bound.spreads, bound.opener) == (spreads, opener)
