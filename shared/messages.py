"""What master and worker say to each other over their control socket: one byte of verb, then UTF-8 text.

The socket is a SOCK_SEQPACKET pair: one message is one packet.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

MAX_MESSAGE: Final = 65536
"""Bytes; longer texts are cut, since they are only ever explanations."""


class Verb(IntEnum):
    """The words of the protocol."""

    # worker to master
    READY = 1
    """Everything is loaded; sessions are accepted from now on."""
    FAILED = 2
    """The worker cannot start; the text says why. It exits with status 2."""
    PLUGIN = 3
    """One plugin's description, JSON; said before READY by the worker of slot 0 (see `plugin_schema`)."""
    APPLIED = 4
    """What APPLY brought is in force for every session that begins from now on; the text is APPLY's."""
    REJECTED = 5
    """It could not be applied; the text is APPLY's, a space and why."""
    ANSWERED = 6
    """What ASK asks for is in the file that came with it; the text is ASK's."""
    # master to worker
    DRAIN = 16
    """Stop accepting, let sessions end, exit 0. The text is worker_shutdown_timeout in seconds, or empty."""
    STOP = 17
    """Close everything now and exit 0."""
    REOPEN = 18
    """Reopen log files."""
    APPLY = 19
    """Changes of records, in the file that comes with the message (see `live/wire`); the text is a number."""
    ASK = 20
    """A question about sessions, in the file that comes with the message (see `inquiry`); the text is a number."""


def encode(verb: Verb, text: str = "") -> bytes:
    """One message as it goes over the wire."""
    return bytes((verb,)) + text.encode("utf-8", "replace")[: MAX_MESSAGE - 1]


def decode(message: bytes) -> tuple[Verb, str]:
    """The parts of a message; raises ValueError for an empty one or an unknown verb."""
    if not message:
        raise ValueError("empty control message")
    return Verb(message[0]), message[1:].decode("utf-8", "replace")
