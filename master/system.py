"""The real system, as building a configuration asks it."""

from __future__ import annotations

import glob
import grp
import os
import pwd
import socket
import time
from pathlib import Path

from ..shared.conf.load import System
from ..shared.model.stream import User


def real_system() -> System:
    """The files, names, accounts and processors of this machine."""
    return System(
        read_text=read_text,
        read_bytes=read_bytes,
        glob=matching,
        resolve=resolve,
        user=account,
        cpu_count=processors,
        now=time.time,
        privileged=os.geteuid() == 0,
        environment=dict(os.environ),
    )


def read_text(path: str) -> str:
    """A file's text in UTF-8; raises OSError, or UnicodeDecodeError."""
    return Path(path).read_bytes().decode()


def read_bytes(path: str) -> bytes:
    """A file's content; raises OSError."""
    return Path(path).read_bytes()


def matching(pattern: str) -> list[str]:
    """The paths that match a pattern, sorted as nginx includes them."""
    return sorted(glob.glob(pattern))


def resolve(host: str) -> list[str]:
    """The numeric addresses of a name, each once, in the resolver's order; raises OSError."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # what IDNA refuses: an empty or overlong label
        raise OSError(str(error)) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def account(name: str, group: str | None) -> User:
    """The account of `user NAME [GROUP]`, the group being that called NAME when none is given; raises LookupError."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise LookupError(f'getpwnam("{name}") failed') from None
    try:
        gid = grp.getgrnam(group or name).gr_gid
    except KeyError:
        raise LookupError(f'getgrnam("{group or name}") failed') from None
    return User(name, entry.pw_uid, gid, tuple(os.getgrouplist(name, gid)))


def processors() -> int:
    """The processors that this process may run on."""
    return len(os.sched_getaffinity(0))
