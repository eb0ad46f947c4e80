"""What the master asks its workers about their sessions, and what they answer.

Question and answer are JSON in one file in memory: the master makes it and hands it over, the worker writes its answer
in the place of the question and says so. So an answer may be of any size, and nobody has to take files from a worker.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any, Final

MOST: Final = 1000
"""Sessions in one answer."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Which sessions are asked for; those that fit all of it."""

    id: str = ""
    """One session."""
    end: bool = False
    """Whether it is to be ended."""
    route: str = ""
    service: str = ""
    sni: str = ""
    source: str = ""
    """An address or a network of clients."""
    size: int = 100


def session_id(pid: int, number: int) -> str:
    """Sessions are numbered within a generation, and several may serve at a time."""
    return f"{pid}-{number}"


def parts_of(identity: str) -> tuple[int, int] | None:
    """The worker's pid and the session's number; None for a text that is no session's id."""
    pid, dash, number = identity.partition("-")
    if not dash or not all(each.isascii() and each.isdecimal() and len(each) < 20 for each in (pid, number)):
        return None
    return int(pid), int(number)


def to_file(inquiry: Inquiry) -> int:
    """The descriptor of a file that holds the question; to be closed."""
    descriptor = os.memfd_create("penstock-inquiry", os.MFD_CLOEXEC)
    try:
        write(descriptor, asdict(inquiry))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def question_in(descriptor: int) -> Inquiry:
    """The question in a file."""
    return Inquiry(**read(descriptor))


def write(descriptor: int, value: Any) -> None:
    """Let a file hold a value in the place of what was there."""
    content = json.dumps(value, separators=(",", ":")).encode("utf-8", "surrogatepass")
    os.ftruncate(descriptor, 0)
    place = 0
    while place < len(content):
        place += os.pwrite(descriptor, content[place:], place)


def read(descriptor: int) -> Any:
    """The value in a file."""
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    return json.loads(content.decode("utf-8", "surrogatepass"))
