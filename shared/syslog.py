"""Syslog servers that logs are sent to, in nginx's form of RFC 3164: `<PRI>Mon DD HH:MM:SS host tag: text`.

A datagram is sent at once or not at all: nothing here ever waits. Sockets are opened by a callable that the process
gives, when the first line is sent, and belong to every child forked after that. A socket that does not work any more
(a restarted daemon has another one at the same path) is replaced once per line.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from typing import Final

from .model.address import Address
from .model.log import Syslog

Connect = Callable[[Address], socket.socket]
"""Opens a datagram socket that never blocks, connected to an address; raises OSError."""
FULL: Final = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.EMSGSIZE})
"""What another socket would answer as well."""


class SyslogServer:
    """One destination: a server with the facility, severity and tag of its lines."""

    __slots__ = ("_address", "_connect", "_head", "_severity", "_socket", "_tail", "failure", "name")

    def __init__(self, syslog: Syslog, connect: Connect, hostname: str) -> None:
        assert syslog.address is not None, "the builder resolves it"
        self.name = syslog.server
        self.failure = 0
        """The errno of the last line that was not taken."""
        self._address = syslog.address
        self._connect = connect
        self._socket: socket.socket | None = None
        self._head = syslog.facility * 8
        self._severity = syslog.severity
        self._tail = f" {syslog.tag}: " if syslog.nohostname else f" {hostname} {syslog.tag}: "

    @property
    def fd(self) -> int | None:
        """The descriptor, once there is one."""
        return None if self._socket is None else self._socket.fileno()

    def send(self, time: str, text: bytes, severity: int | None = None) -> bool:
        """Send a line without its newline, with the configured severity or another; False for one that is lost."""
        priority = self._head + (self._severity if severity is None else severity)
        packet = f"<{priority}>{time}{self._tail}".encode() + text
        return self._try(packet) or (self.failure not in FULL and self._try(packet))

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def describe(self) -> str:
        """A sentence about the last line that was lost."""
        return f'send() to syslog server "{self.name}" failed ({self.failure}: {os.strerror(self.failure)})'

    def _try(self, packet: bytes) -> bool:
        try:
            if self._socket is None:
                self._socket = self._connect(self._address)
            self._socket.send(packet)
        except OSError as error:
            self.failure = error.errno or errno.EIO
            if self.failure not in FULL:
                self.close()
            return False
        return True


class SyslogServers:
    """Every syslog destination of a process, each with one socket."""

    def __init__(self, connect: Connect, hostname: str) -> None:
        self._connect = connect
        self._hostname = hostname.lower()  # as nginx does
        self._servers: dict[Syslog, SyslogServer] = {}

    def __iter__(self) -> Iterator[SyslogServer]:
        return iter(self._servers.values())

    def at(self, syslog: Syslog) -> SyslogServer:
        """The server of a log, the same for every log that says the same."""
        known = self._servers.get(syslog)
        if known is None:
            known = self._servers[syslog] = SyslogServer(syslog, self._connect, self._hostname)
        return known

    def close(self) -> None:
        """Close every socket."""
        for server in self._servers.values():
            server.close()
