"""What a worker is born with: everything the master prepared before the fork."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final

from .counters import Layout
from .errorlog import ErrorLog, LogFiles
from .live.live import Live
from .model.listen import Listen
from .model.stream import Configuration
from .zones import Zones

EXIT_CANNOT_START: Final = 2
"""A worker's exit status when it could not become ready: being born again would not help."""


@dataclass(frozen=True, slots=True)
class Birth:
    """The inheritance of one worker. Every other descriptor is closed by the child before it runs."""

    slot: int
    generation: int
    configuration: Configuration
    listeners: tuple[tuple[Listen, socket.socket], ...]
    """Sockets already listening, non-blocking. One Listen may come with several sockets (adopted orphans)."""
    control: socket.socket
    """The worker's end of the socketpair."""
    layout: Layout
    row: memoryview
    """The worker's own row of counters, cast to "Q"."""
    contexts: Mapping[Hashable, ssl.SSLContext]
    """Blank server contexts by `tls_contexts.context_key`, made before the fork: workers share their ticket keys."""
    log: ErrorLog
    """The main context's error log, open."""
    files: LogFiles
    """Every log file that the configuration names, open."""
    privileged: bool = False
    """Whether the master is root, so that `user` is to be obeyed."""
    live: Live | None = None
    """The records that are in force, made into what sessions obey; changes come over the control socket."""
    ticket_secret: bytes = field(default=b"", repr=False)
    """Where the keys of tickets come from whose contexts are made after the fork."""
    zones: Zones = field(default_factory=Zones)
    """The shared memory of `zone` and `limit_conn_zone`."""
