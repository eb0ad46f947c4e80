"""Binding one address, with the options of its `listen`."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from socket import AF_INET6, AF_UNIX, IPPROTO_IPV6, IPPROTO_TCP, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from typing import Final

from ..shared.errors import StartError
from ..shared.model.listen import Keepalive, Listen
from ..shared.model.where import NOWHERE
from .inherit import Opener

IPPROTO_MPTCP: Final = 262
FIRST_UNPRIVILEGED_PORT: Final = 1024
UNIX_MODE: Final = 0o666
"""Everybody may connect, as with nginx; what protects a unix socket is the folder it is in."""


@dataclass(slots=True, eq=False)
class Bound:
    """The sockets of one address."""

    wanted: Listen
    """With the options that they have now."""
    sockets: list[socket.socket]
    spreads: bool
    """Whether there can be one per slot (SO_REUSEPORT)."""
    inode: tuple[int, int] | None = None
    """Which file a unix socket's path led to when we made it: only that one is ours to remove."""
    opener: Opener = Opener.OURSELVES

    def close(self, keep_path: bool = False) -> None:
        """Close all, and remove the path of a unix socket unless somebody else still uses it."""
        for one in self.sockets:
            one.close()
        path = self.wanted.address.host
        if not keep_path and self.inode is not None and inode_of(path) == self.inode:
            os.unlink(path)


def bind(wanted: Listen, joins: bool) -> Bound:
    """Bind the first socket of an address; raises OSError.

    SO_REUSEPORT is set only after `bind`: a socket that has it before would quietly join those of another process of
    the same user, and half of the connections would go there. Where it `joins` a socket of our own (the wildcard of the
    same port), the kernel would refuse ourselves, so there it is set before.
    """
    address = wanted.address
    if address.family == AF_UNIX:
        return bind_unix(wanted)
    one = make_socket(wanted)
    try:
        if joins:
            one.setsockopt(SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(address.sockaddr)
        one.setsockopt(SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        one.close()
        raise
    return Bound(wanted, [one], spreads=True)


def bind_again(wanted: Listen) -> socket.socket:
    """Bind one more socket to an address that has ours already; raises OSError."""
    one = make_socket(wanted)
    try:
        one.setsockopt(SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(wanted.address.sockaddr)
    except OSError:
        one.close()
        raise
    return one


def adopt(wanted: Listen, sockets: list[socket.socket], opener: Opener) -> Bound:
    """An address whose sockets were open before we were. Only those of a program like this one are one a slot."""
    if opener is Opener.MANAGER:
        return Bound(wanted, sockets, spreads=False, opener=opener)
    if wanted.address.family == AF_UNIX:
        return Bound(wanted, sockets, spreads=False, inode=inode_of(wanted.address.host), opener=opener)
    return Bound(wanted, sockets, spreads=True, opener=opener)


def bind_unix(wanted: Listen) -> Bound:
    """Bind a unix socket; a path that nobody answers any more is taken over."""
    path = wanted.address.host
    one = make_socket(wanted)
    try:
        try:
            one.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not is_stale(wanted):
                raise
            os.unlink(path)
            one.bind(path)
        os.chmod(path, UNIX_MODE)
    except OSError:
        one.close()
        raise
    return Bound(wanted, [one], spreads=False, inode=inode_of(path))


def is_stale(wanted: Listen) -> bool:
    """Whether a unix socket is at the path that no process listens on (a plain file refuses connections too)."""
    if not stat.S_ISSOCK(os.lstat(wanted.address.host).st_mode):
        return False
    with socket.socket(AF_UNIX, kind_of(wanted)) as probe:
        probe.setblocking(False)
        try:
            probe.connect(wanted.address.host)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def make_socket(wanted: Listen) -> socket.socket:
    """A non-blocking socket with every option that must be set before `bind`."""
    family = wanted.address.family
    protocol = IPPROTO_MPTCP if wanted.multipath else 0
    one = socket.socket(family, kind_of(wanted) | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
    if family != AF_UNIX and not wanted.udp:  # datagrams know no TIME_WAIT, and with it anybody could share the port
        one.setsockopt(SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == AF_INET6:
        one.setsockopt(IPPROTO_IPV6, socket.IPV6_V6ONLY, int(wanted.ipv6only))
    return one


def listen(one: socket.socket, wanted: Listen) -> None:
    """Let clients come; raises OSError."""
    adjust(one, wanted)
    if not wanted.udp:
        one.listen(wanted.backlog)


def adjust(one: socket.socket, wanted: Listen) -> None:
    """Set what a reload may change on a socket that stays; raises nothing, since a socket without it still serves."""
    for set_option in options(wanted):
        try:
            set_option(one)
        except OSError:
            continue


def options(wanted: Listen) -> list[Callable[[socket.socket], None]]:
    """The socket options that a `listen` asks for."""

    def option(level: int, name: int, value: int) -> Callable[[socket.socket], None]:
        return lambda one: one.setsockopt(level, name, value)

    found = []
    if wanted.rcvbuf is not None:
        found.append(option(SOL_SOCKET, socket.SO_RCVBUF, wanted.rcvbuf))
    if wanted.sndbuf is not None:
        found.append(option(SOL_SOCKET, socket.SO_SNDBUF, wanted.sndbuf))
    if wanted.address.family == AF_UNIX or wanted.udp:
        return found
    found.append(option(IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, int(wanted.deferred)))
    if wanted.fastopen is not None:
        found.append(option(IPPROTO_TCP, socket.TCP_FASTOPEN, wanted.fastopen))
    if wanted.so_keepalive is not None:
        found += [option(*words) for words in keepalive_options(wanted.so_keepalive)]
    return found


def keepalive_options(wanted: Keepalive) -> list[tuple[int, int, int]]:
    """`so_keepalive=` as level, name, value."""
    found = [(SOL_SOCKET, socket.SO_KEEPALIVE, int(wanted.on))]
    timers = (
        (socket.TCP_KEEPIDLE, wanted.idle),
        (socket.TCP_KEEPINTVL, wanted.interval),
        (socket.TCP_KEEPCNT, wanted.count),
    )
    found += [(IPPROTO_TCP, name, value) for name, value in timers if value is not None]
    return found


def kind_of(wanted: Listen) -> int:
    """SOCK_STREAM or SOCK_DGRAM."""
    return SOCK_DGRAM if wanted.udp else SOCK_STREAM


def inode_of(path: str) -> tuple[int, int] | None:
    """Which file is at a path."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def bind_failed(wanted: Listen, error: OSError) -> StartError:
    """nginx's sentence, with what would help."""
    text = f"bind() to {wanted.address} failed ({error.errno}: {error.strerror})"
    if error.errno in (errno.EACCES, errno.EPERM) and 0 < wanted.address.port < FIRST_UNPRIVILEGED_PORT:
        text += "; ports below 1024 need root or CAP_NET_BIND_SERVICE"
    return StartError(text, None if wanted.where == NOWHERE else wanted.where)
