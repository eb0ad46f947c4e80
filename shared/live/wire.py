"""A change set on its way from the master to its workers: JSON in a memfd, which goes over the control socket.

A large one is cut into parts, each of which a worker applies between two wake-ups; the sessions of the meantime see
some parts and not others.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from sys import intern
from typing import Any, Final

from .records import Change, Changed

PART: Final = 500
"""Changes in one part; about 25 ms of a worker."""


def parts(changes: Iterable[Change]) -> Iterator[tuple[Changed, ...]]:
    """The changes cut into parts."""
    left = iter(changes)
    part = tuple(Changed(each.kind, each.id, each.after) for each in islice(left, PART))
    while part:
        following = tuple(Changed(each.kind, each.id, each.after) for each in islice(left, PART))
        yield part
        part = following


def written(changes: Iterable[Changed]) -> int:
    """The descriptor of a file in memory that holds the changes; to be closed."""
    content = json.dumps(
        [(each.kind, each.id, each.after) for each in changes], ensure_ascii=False, separators=(",", ":"), default=plain
    ).encode("utf-8", "surrogatepass")
    descriptor = os.memfd_create("penstock-changes", os.MFD_CLOEXEC)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read(descriptor: int) -> tuple[Changed, ...]:
    """What was written there. Several processes read the same file, so nobody moves its position."""
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, size, 0)
    changes = json.loads(content.decode("utf-8", "surrogatepass"))
    return tuple(Changed(kind, identity, shared(after)) for kind, identity, after in changes)


def shared(record: dict[str, Any] | None) -> dict[str, Any] | None:
    """A record whose names of fields are those of all others: else they take more memory than what it says."""
    return None if record is None else {intern(name): value for name, value in record.items()}


def plain(value: object) -> object:
    """What JSON does not know: frozen mappings and sets."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be sent")
