"""Sockets for syslog."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from penstock.master.syslog import connected, syslog_servers
from penstock.shared.model.address import Address, ipv4, ipv6, unix
from penstock.shared.model.log import Syslog


@pytest.mark.parametrize("address", [ipv4("127.0.0.1", 9), ipv6("::1", 9)])
def test_a_socket_never_blocks_and_is_not_inherited_by_programs(address: Address) -> None:
    with connected(address) as one:
        assert (one.type, one.getblocking(), one.get_inheritable()) == (socket.SOCK_DGRAM, False, False)
        assert one.getpeername()[:2] == address.sockaddr


def test_a_path_without_a_daemon_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        connected(unix(str(tmp_path / "nobody")))
    assert len(os.listdir("/proc/self/fd")) == before


def test_lines_carry_this_host_s_name(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(path)
        servers = syslog_servers()
        servers.at(Syslog(f"unix:{path}", address=unix(path))).send("now", b"a")
        servers.close()
        assert daemon.recv(1000).decode() == f"<190>now {socket.gethostname().lower()} nginx: a"
