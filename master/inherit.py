"""Listening sockets that a service manager opened for us (sd_listen_fds(3)), found again by their address."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, AF_UNIX
from typing import Final

from ..shared.model.address import Address

FIRST_FD: Final = 3
"""SD_LISTEN_FDS_START."""
VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


@dataclass(frozen=True, slots=True)
class Inherited:
    """One socket that was passed to us."""

    address: Address
    udp: bool
    name: str
    socket: socket.socket


class Inheritance:
    """The inherited sockets that no listener has taken yet."""

    def __init__(self, sockets: tuple[Inherited, ...] = ()) -> None:
        self._sockets = list(sockets)

    def take(self, address: Address, udp: bool) -> list[socket.socket]:
        """The sockets bound to `address`, which belong to the caller from now on."""
        taken = [one for one in self._sockets if (one.address, one.udp) == (address, udp)]
        self._sockets = [one for one in self._sockets if one not in taken]
        return [one.socket for one in taken]

    def left(self) -> tuple[Inherited, ...]:
        """What nobody asked for. It stays open: a later configuration may listen there."""
        return tuple(self._sockets)

    def close(self) -> None:
        """Close what is left (the manager keeps its own)."""
        for one in self._sockets:
            one.socket.close()
        self._sockets.clear()


def inherit(environ: MutableMapping[str, str], pid: int) -> Inheritance:
    """Take the sockets that `environ` announces to `pid`, and remove the announcement from it."""
    count = _announced(environ, pid)
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    for variable in VARIABLES:
        environ.pop(variable, None)
    found = []
    for number in range(count):
        fd = FIRST_FD + number
        os.set_inheritable(fd, False)
        one = socket.socket(fileno=fd)
        address = bound_to(one)
        if address is None:
            one.close()
            continue
        one.setblocking(False)
        name = names[number] if number < len(names) else ""
        found.append(Inherited(address, one.type == socket.SOCK_DGRAM, name, one))
    return Inheritance(tuple(found))


def _announced(environ: Mapping[str, str], pid: int) -> int:
    try:
        if int(environ.get("LISTEN_PID", "0")) != pid:
            return 0
        return int(environ.get("LISTEN_FDS", "0"))
    except ValueError:
        return 0


def bound_to(one: socket.socket) -> Address | None:
    """The address of a socket, in the form that a `listen` has; None for a kind that nobody can listen on here."""
    name = one.getsockname()
    if one.family == AF_UNIX:
        return Address(AF_UNIX, os.fsdecode(name)) if name else None
    if one.family in (AF_INET, AF_INET6):
        return Address(one.family, name[0], name[1])
    return None
