"""What every protocol's prologue is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

MAX_PROLOGUE = 4096
"""Bytes that a client may send before its hello, and an upstream before its own TLS."""


class Stage(Enum):
    """Where a client is in its prologue."""

    MORE = "more"
    """It has not said yet what it wants."""
    TLS = "tls"
    """What comes next is a TLS hello."""
    PLAIN = "plain"
    """It stays in clear: what it sent and was not consumed is for the upstream."""
    BROKEN = "broken"
    """It does not speak the protocol, or goes against its rules."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do about the bytes that have come."""

    stage: Stage
    consumed: int = 0
    """Bytes to take off the socket; they are not for the upstream."""
    reply: bytes = b""
    """To be sent before anything else."""
    reason: str = ""
    """With BROKEN: what is wrong, one clause without a stop."""


class Front(Protocol):
    """The server's part, for one client."""

    greeting: bytes
    """What a server says first; empty where the client does."""

    def step(self, data: bytes) -> Step:
        """Judge the bytes that are there and not consumed; after MORE with something consumed, ask again at once."""

    def replay(self) -> bytes:
        """With PLAIN: what the upstream must hear of what was consumed, before what was not."""


class Refused(Exception):
    """The upstream will not go on; `args[0]` says why."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question to the upstream and its answer, which is kept from the client."""

    send: bytes
    end: Callable[[bytes], int | None]
    """The length of the whole answer in the bytes that have come, None while it is not whole; raises Refused."""


@dataclass(frozen=True, slots=True)
class Starttls:
    """A protocol."""

    name: str
    front: Callable[[], Front]
    back: Callable[[bool, bytes], tuple[Exchange, ...]]
    """The exchanges with an upstream before its TLS (True) or before what is relayed in clear (False); the bytes are
    the front's `replay`."""
