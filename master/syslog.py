"""Sockets for syslog, as the logs of master and workers open them: the workers inherit this through their log files."""

from __future__ import annotations

import socket

from ..shared.model.address import Address
from ..shared.syslog import SyslogServers


def syslog_servers() -> SyslogServers:
    """The syslog servers of a configuration that is about to be opened."""
    return SyslogServers(connected, socket.gethostname())


def connected(address: Address) -> socket.socket:
    """A datagram socket to an address, which never blocks; raises OSError."""
    one = socket.socket(address.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        one.connect(address.sockaddr)
    except OSError:
        one.close()
        raise
    return one
