"""The addresses of a database's hosts, asked for by a program of its own.

The driver would ask in threads of the loop, and the master, which forks, has none: a child made while one of them holds
a lock of the system's library would wait for ever when it needs that lock itself. Asking here holds up nothing either.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from ipaddress import ip_address
from typing import Final

LONGEST: Final = 4096
"""Bytes of an answer that are read."""
PROGRAM: Final = """
import socket, sys
try:
    found = socket.getaddrinfo(sys.argv[1], None, type=socket.SOCK_STREAM)
    print(*dict.fromkeys(each[4][0] for each in found))
except OSError as error:
    print("!", error.strerror or error)
"""


async def with_addresses(target: str) -> str:
    """A connection text that names the addresses of its hosts; raises OSError when none of them has any."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    known = conninfo_to_dict(target)
    hosts = str(known.get("host") or os.environ.get("PGHOST") or "").split(",")
    if known.get("hostaddr") or os.environ.get("PGHOSTADDR") or all(map(is_place, hosts)):
        return target
    ports = str(known.get("port") or os.environ.get("PGPORT") or "").split(",")
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    ways: list[tuple[str, str, str]] = []
    problem: OSError | None = None
    for host, port in zip(hosts, ports, strict=True):
        try:
            ways += [(host, address, port) for address in await addresses_of(host)]
        except OSError as error:
            problem = error
    if problem is not None and not ways:
        raise problem
    names, addresses, numbers = (",".join(column) for column in zip(*ways, strict=True))
    return make_conninfo(target, host=names, hostaddr=addresses, port=numbers)


def is_place(host: str) -> bool:
    """Whether nobody has to be asked where that is: an address, the folder of a socket, or nothing."""
    if not host or host.startswith(("/", "@")):
        return True
    with suppress(ValueError):
        return bool(ip_address(host))
    return False


async def addresses_of(host: str) -> list[str]:
    """The addresses of a host, itself if it is one; an empty text for a socket's folder. Raises OSError."""
    if is_place(host):
        return [host if host[:1] not in ("", "/", "@") else ""]
    answer = await output_of(sys.executable, "-I", "-S", "-c", PROGRAM, host)
    if not answer or answer.startswith("!"):
        raise OSError(f'the host "{host}" could not be resolved ({answer[1:].strip() or "no answer"})')
    return answer.split()


async def output_of(*words: str) -> str:
    """What a program says. It is ended with whoever waits for it, and reaped by whoever is first to."""
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, writing, 1)]
        pid = os.posix_spawn(words[0], words, os.environ, file_actions=actions, setsigmask=())
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    process = os.pidfd_open(pid)  # its number may be another's by the time that we end it
    said: list[bytes] = []
    ended: asyncio.Future[None] = loop.create_future()

    def read() -> None:
        said.append(os.read(reading, LONGEST))
        if (not said[-1] or sum(map(len, said)) >= LONGEST) and not ended.done():
            ended.set_result(None)

    loop.add_reader(reading, read)
    try:
        await ended
    finally:
        loop.remove_reader(reading)
        os.close(reading)
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGKILL)
        os.close(process)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
    return b"".join(said).decode(errors="replace").strip()
