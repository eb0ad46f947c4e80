"""Listening sockets that were open before we were, found again by their address.

They come from a service manager (sd_listen_fds(3)), or from the program that this one is to replace, which announces
them in one variable of the environment, as nginx does in `NGINX`.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import asdict, dataclass
from enum import Enum
from socket import AF_INET, AF_INET6, AF_UNIX
from typing import Final

from ..shared.errorlog import reason
from ..shared.errors import StartError
from ..shared.model.address import Address

FIRST_FD: Final = 3
"""SD_LISTEN_FDS_START."""
VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
HANDOVER: Final = "PENSTOCK_UPGRADE"


class Opener(Enum):
    """Who opened a listening socket."""

    OURSELVES = "ourselves"
    ELDER = "elder"
    """The program that this one replaces: it may still use the socket, and one a slot is what it meant."""
    MANAGER = "manager"
    """It keeps the socket whatever becomes of us."""


@dataclass(frozen=True, slots=True)
class Handover:
    """What a program that is replaced tells the new one: its pid, and the numbers of descriptors."""

    elder: int
    control: int
    """The new program's end of the socket between the two."""
    stderr: int
    """The descriptor 2 that the old program was started with."""
    output: int
    """What descriptor 2 is to be: until the new program runs, it is a pipe to the old one."""
    own: list[int]
    """Listening sockets of a Penstock, those of an address in the order of their slots."""
    given: list[int]
    """Those of a service manager."""

    def text(self) -> str:
        """The variable's value. The kernel allows 128 KiB (MAX_ARG_STRLEN), so runs of numbers are written as such."""
        return json.dumps({**asdict(self), "own": runs(self.own), "given": runs(self.given)})

    def descriptors(self) -> tuple[int, ...]:
        """All that the new program must find open."""
        return (self.control, self.stderr, self.output, *self.own, *self.given)


@dataclass(frozen=True, slots=True)
class Inherited:
    """One socket that was passed to us."""

    address: Address
    udp: bool
    name: str
    socket: socket.socket
    opener: Opener = Opener.MANAGER


class Inheritance:
    """The inherited sockets that no listener has taken yet."""

    def __init__(self, sockets: tuple[Inherited, ...] = (), handover: Handover | None = None) -> None:
        self._sockets: dict[tuple[Address, bool], list[Inherited]] = {}
        self.give_back(sockets)
        self.handover = handover
        """From whom they come, when that is a program to replace."""

    def take(self, address: Address, udp: bool) -> list[Inherited]:
        """The sockets bound to `address`, which belong to the caller from now on."""
        return self._sockets.pop((address, udp), [])

    def give_back(self, sockets: Iterable[Inherited]) -> None:
        """Hold sockets again that nobody here listens on any more."""
        for one in sockets:
            self._sockets.setdefault((one.address, one.udp), []).append(one)

    def left(self) -> tuple[Inherited, ...]:
        """What nobody asked for. It stays open: a later configuration may listen there."""
        return tuple(one for found in self._sockets.values() for one in found)

    def close(self) -> None:
        """Close what is left (the manager keeps its own)."""
        for one in self.left():
            one.socket.close()
        self._sockets.clear()


def inherit(environ: MutableMapping[str, str], pid: int) -> Inheritance:
    """Take the sockets that `environ` announces to `pid`, and remove the announcement from it; raises StartError."""
    handover = handover_of(environ.pop(HANDOVER, None))
    count = _announced(environ, pid)
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    for variable in VARIABLES:
        environ.pop(variable, None)
    if handover is not None:
        for fd in (handover.control, handover.stderr, handover.output):
            _keep_to_us(fd)
        found = [_inherited(fd, Opener.ELDER) for fd in handover.own]
        found += [_inherited(fd, Opener.MANAGER) for fd in handover.given]
    else:
        names += [""] * count
        found = [_inherited(FIRST_FD + number, Opener.MANAGER, names[number]) for number in range(count)]
    return Inheritance(tuple(one for one in found if one is not None), handover)


def handover_of(text: str | None) -> Handover | None:
    """What the variable says, if there is one; raises StartError."""
    if text is None:
        return None
    try:
        said = json.loads(text)
        return Handover(**{**said, "own": spread(said["own"]), "given": spread(said["given"])})
    except (ValueError, TypeError, KeyError) as error:
        raise StartError(f"the variable {HANDOVER} of the environment is none of ours: {error!r}") from error


def runs(numbers: Iterable[int]) -> list[list[int]]:
    """The same as first number and length of each run, in their order."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == sum(found[-1]):
            found[-1][1] += 1
        else:
            found.append([number, 1])
    return found


def spread(found: Iterable[tuple[int, int]]) -> list[int]:
    """The numbers of runs."""
    return [number for first, length in found for number in range(first, first + length)]


def _inherited(fd: int, opener: Opener, name: str = "") -> Inherited | None:
    _keep_to_us(fd)
    try:
        one = socket.socket(fileno=fd)
    except OSError as error:
        raise _invalid(fd, error) from error
    address = bound_to(one)
    if address is None:
        one.close()
        return None
    one.setblocking(False)
    return Inherited(address, one.type == socket.SOCK_DGRAM, name, one, opener)


def _keep_to_us(fd: int) -> None:
    try:
        os.set_inheritable(fd, False)
    except OSError as error:
        raise _invalid(fd, error) from error


def _invalid(fd: int, error: OSError) -> StartError:
    return StartError(f'invalid descriptor "{fd}" was inherited {reason(error)}')


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
