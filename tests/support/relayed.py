"""A plain session that relays between two sockets of the test."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workerbench import Bench

from penstock.worker.relay import Endpoint
from penstock.worker.session import Session

SERVER: Final = "server {{ listen 127.0.0.1:%%PORT_a%%; proxy_pass 127.0.0.1:%%UP%%; {} }}"


@dataclass
class Joined:
    """The session and its two ends."""

    bench: Bench
    listening: socket.socket
    near: socket.socket
    """The client's."""
    far: socket.socket
    """The upstream's."""
    session: Session

    @property
    def client(self) -> Endpoint:
        """The client's side of the relay."""
        assert self.session.client is not None
        return self.session.client

    @property
    def upstream(self) -> Endpoint:
        """The other side of it."""
        assert self.session.upstream is not None
        return self.session.upstream

    def descriptors(self) -> int:
        """How many descriptors are open, pipes in the pool left out."""
        return len(os.listdir("/proc/self/fd")) - 2 * len(self.bench.worker.pipes._free)

    def more(self) -> tuple[socket.socket, socket.socket]:
        """Another session's two sockets."""
        near = self.bench.client()
        return near, self.bench.accepted(self.listening)


@contextmanager
def relaying(directory: Path, settings: str = "") -> Iterator[Joined]:
    """A worker with one such session, under these settings."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        with Bench(SERVER.format(settings), directory, UP=listening.getsockname()[1]) as bench:
            session, near, far = bench.relay(listening)
            yield Joined(bench, listening, near, far, session)


def block(size: int) -> bytes:
    """So many bytes that do not repeat."""
    return hashlib.shake_256(b"relay").digest(size)
