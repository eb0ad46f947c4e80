"""Datagrams for syslog: their form, and what happens when nobody takes them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from deadline import seconds

from penstock.master.syslog import connected
from penstock.shared.model.address import Address, ipv4, unix
from penstock.shared.model.log import Syslog
from penstock.shared.syslog import SyslogServer, SyslogServers

NOW = "Nov  5 02:20:00"


def listening(path: Path) -> socket.socket:
    """A syslog daemon."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(str(path))
    server.settimeout(seconds(5))
    return server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "socket"


@pytest.fixture
def daemon(path: Path) -> Iterator[socket.socket]:
    with listening(path) as server:
        yield server


@pytest.fixture
def servers() -> Iterator[SyslogServers]:
    opened = SyslogServers(connected, "Gate")
    yield opened
    opened.close()


def to(address: Address, **fields: object) -> Syslog:
    return Syslog(str(address), address=address, **fields)  # type: ignore[arg-type]  # as the test says


def test_a_line_has_nginx_s_form(servers: SyslogServers, daemon: socket.socket, path: Path) -> None:
    server = servers.at(to(unix(str(path)), facility=16, severity=4, tag="t"))
    assert server.send(NOW, b"a\xff")
    assert server.send(NOW, b"b", 7)
    assert [daemon.recv(100), daemon.recv(100)] == [
        b"<132>Nov  5 02:20:00 gate t: a\xff",
        b"<135>Nov  5 02:20:00 gate t: b",
    ]


def test_the_host_may_be_left_out(servers: SyslogServers, daemon: socket.socket, path: Path) -> None:
    assert servers.at(to(unix(str(path)), nohostname=True)).send(NOW, b"a")
    assert daemon.recv(100) == b"<190>Nov  5 02:20:00 nginx: a"


def test_logs_that_say_the_same_share_a_socket(servers: SyslogServers, path: Path) -> None:
    assert servers.at(to(unix(str(path)))) is servers.at(to(unix(str(path))))
    assert servers.at(to(unix(str(path)))) is not servers.at(to(unix(str(path)), tag="x"))


def test_a_socket_is_opened_by_the_first_line(servers: SyslogServers, daemon: socket.socket, path: Path) -> None:
    server = servers.at(to(unix(str(path))))
    assert (server.fd, daemon.fileno() > 0) == (None, True)
    server.send(NOW, b"a")
    assert [server.fd] == [each.fd for each in servers]
    servers.close()
    assert server.fd is None


def test_a_daemon_that_is_not_there_loses_lines_until_it_is(servers: SyslogServers, path: Path) -> None:
    server = servers.at(to(unix(str(path))))
    assert not server.send(NOW, b"a")
    assert server.describe() == f'send() to syslog server "unix:{path}" failed (2: No such file or directory)'
    with listening(path) as daemon:
        assert server.send(NOW, b"b")
        assert daemon.recv(100).endswith(b" b")


def test_a_restarted_daemon_misses_nothing(servers: SyslogServers, path: Path) -> None:
    server = servers.at(to(unix(str(path))))
    with listening(path):
        assert server.send(NOW, b"a")
    path.unlink()
    with listening(path) as daemon:
        assert server.send(NOW, b"b")
        assert daemon.recv(100).endswith(b" b")


def test_a_daemon_that_does_not_read_makes_nobody_wait(
    servers: SyslogServers, daemon: socket.socket, path: Path
) -> None:
    server = servers.at(to(unix(str(path))))
    lost = sum(not server.send(NOW, b"x" * 1000) for _ in range(5000))
    assert (lost > 0, server.failure) == (True, errno.EAGAIN)
    daemon.recv(2000)
    assert server.send(NOW, b"x")


def test_what_was_refused_before_does_not_cost_the_next_line(servers: SyslogServers) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        address = ipv4(*daemon.getsockname())
    server = servers.at(to(address))
    server.send(NOW, b"to nobody")  # its refusal comes back by ICMP, and is told at the next call
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(address.sockaddr)
        daemon.settimeout(seconds(5))
        assert server.send(NOW, b"a")
        assert daemon.recv(100).endswith(b" a")


def test_a_system_without_descriptors_is_told_by_its_number() -> None:
    def shortage(address: Address) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(address))

    server = SyslogServer(to(ipv4("127.0.0.1", 514)), shortage, "gate")
    assert not server.send(NOW, b"a")
    assert server.failure == errno.EMFILE
