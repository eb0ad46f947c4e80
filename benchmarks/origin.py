"""What stands behind the proxies: the same for every subject, and not counted.

Four services on a port each: `answer` sends a fixed answer to the first bytes and closes, `echo` sends back what it
gets, `source` sends for ever, `sink` reads for ever. `hold` echoes as well, but one process holds thousands.
"""

from __future__ import annotations

import hashlib
import random
import select
import socket
from dataclasses import dataclass
from typing import Final

from benchmarks.crew import Cell, Job

REQUEST: Final = b"q" * 63 + b"\n"
ANSWER: Final = b"a" * 127 + b"\n"
CHUNK: Final = 256 * 1024
BLOCK: Final = random.Random(1).randbytes(1024 * 1024)
"""What `source` repeats: bytes that neither compress nor look alike."""
BACKLOG: Final = 4096


def digest(blocks: int) -> str:
    """The SHA-256 of the first `blocks` MiB that `source` sends."""
    summed = hashlib.sha256()
    for _ in range(blocks):
        summed.update(BLOCK)
    return summed.hexdigest()


@dataclass(frozen=True, slots=True)
class Origin:
    """The listening sockets; `jobs` are the loops of a crew that serves them."""

    sockets: dict[str, socket.socket]

    @classmethod
    def open(cls) -> Origin:
        """Listen on five ports of the loopback interface."""
        services = ("answer", "other", "echo", "source", "sink", "hold")
        return cls({name: socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) for name in services})

    def port(self, service: str) -> int:
        """Where a service listens."""
        return int(self.sockets[service].getsockname()[1])

    def jobs(self, each: int) -> list[Job]:
        """Enough loops for `each` connections to every service at a time."""
        loops = [answer(self.sockets["answer"], ANSWER), echo(self.sockets["echo"])] * each
        few = [answer(self.sockets["other"], ANSWER[::-1]), source(self.sockets["source"]), sink(self.sockets["sink"])]
        return [*loops, *few * 8, hold(self.sockets["hold"])]


def answer(listening: socket.socket, said: bytes) -> Job:
    """One answer for each connection."""

    def job(_cell: Cell) -> None:
        accept = listening.accept
        while True:
            sock, _ = accept()
            try:
                if sock.recv(4096):
                    sock.send(said)
            except OSError:
                pass  # the client's side of the story tells whether it matters
            sock.close()

    return job


def echo(listening: socket.socket) -> Job:
    """Everything back, as it comes."""
    buffer = memoryview(bytearray(CHUNK))

    def job(_cell: Cell) -> None:
        while True:
            sock, _ = listening.accept()
            try:
                while count := sock.recv_into(buffer):
                    sock.sendall(buffer[:count])
            except OSError:
                pass
            sock.close()

    return job


def source(listening: socket.socket) -> Job:
    """Bytes without end."""
    block = memoryview(BLOCK)
    chunks = [block[at : at + CHUNK] for at in range(0, len(block), CHUNK)]

    def job(_cell: Cell) -> None:
        while True:
            sock, _ = listening.accept()
            try:
                sock.recv(4096)  # the request: who asks first is the client, as everywhere
                while True:
                    for chunk in chunks:
                        sock.sendall(chunk)
            except OSError:
                pass  # the client has enough
            sock.close()

    return job


def sink(listening: socket.socket) -> Job:
    """Read and forget."""
    buffer = bytearray(CHUNK)

    def job(_cell: Cell) -> None:
        while True:
            sock, _ = listening.accept()
            try:
                while sock.recv_into(buffer):
                    pass
            except OSError:
                pass
            sock.close()

    return job


def hold(listening: socket.socket) -> Job:
    """Echo on thousands of sessions that are idle most of the time."""

    def job(_cell: Cell) -> None:
        epoll = select.epoll()
        epoll.register(listening.fileno(), select.EPOLLIN)
        held: dict[int, socket.socket] = {}
        while True:
            for fd, _mask in epoll.poll():
                if fd == listening.fileno():
                    sock, _ = listening.accept()
                    held[sock.fileno()] = sock
                    epoll.register(sock.fileno(), select.EPOLLIN)
                    continue
                try:
                    data = held[fd].recv(4096)
                    if data:
                        held[fd].send(data)
                        continue
                except OSError:
                    pass
                held.pop(fd).close()

    return job
