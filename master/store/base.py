"""What the Admin API asks of a store, whichever it is.

A store holds documents (an entity's kind, its id, its JSON), a version that grows by one with every write, and a log
of the latest changes, so that a node which was away can catch up without reading everything.

Writes are optimistic: who writes says which version it has seen, and when the store is at another one by now nothing is
written. Checks of uniqueness and references are made against that version, so they hold on all nodes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol

KEPT_VERSIONS: Final = 10_000
"""Versions whose changes stay in the log."""
TOGETHER: Final = 1000
"""Documents that are read at once."""

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Write:
    """One document that becomes another; None: it is deleted."""

    kind: str
    id: str
    document: Document | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything in a store at one version."""

    version: int
    documents: tuple[tuple[str, Document], ...]
    """Kind and document."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a cluster, as it last reported."""

    id: str
    hostname: str
    program: str
    """Its Penstock's version."""
    version: int
    """The configuration's version that its workers serve."""
    seen: float
    """Seconds since the epoch."""


class StoreError(Exception):
    """A store cannot do what it was asked; `args[0]` says why, without secrets."""


class Unavailable(StoreError):
    """It cannot be reached, is full or is locked: try again later. Nothing was written."""


class NotReady(StoreError):
    """Its schema is not the one that this program knows; the text says what to run."""


class Stale(StoreError):
    """Another version is in the store than the one that a write was based on. Nothing was written."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the store is at version {version}")
        self.version = version


class Store(Protocol):
    """A store that is open."""

    kind: str
    """`sqlite` or `postgres`."""

    async def open(self) -> None:
        """Connect and check the schema; raises Unavailable, NotReady."""

    async def close(self) -> None:
        """Let go of it."""

    async def load(self) -> Loaded:
        """Everything; raises Unavailable."""

    async def since(self, version: int) -> tuple[int, tuple[Write, ...]] | None:
        """The version now and what changed after `version`; None when the log does not reach back so far.
        Raises Unavailable."""

    async def write(self, writes: Sequence[Write], expected: int) -> int:
        """Write all or nothing and give the new version; raises Stale, Unavailable."""

    async def report(self, node: Node) -> None:
        """Note what a node serves; raises Unavailable."""

    async def nodes(self) -> tuple[Node, ...]:
        """The nodes that have reported, by id; raises Unavailable."""

    def watch(self, changed: Callable[[int], None], trouble: Callable[[str], None]) -> None:
        """From now on call `changed` with each new version that others may have written, and `trouble` with the
        reason when the store cannot be reached (empty: it can be again)."""


def to_text(document: Document) -> str:
    """A document as it is stored."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=plain)


def plain(value: object) -> object:
    """What JSON does not know: frozen mappings."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")


def from_text(text: str) -> Document:
    """A document as it was stored."""
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def from_rows(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Document]]:
    """Kind and document of many: read together they share the names of their fields, a fifth of their memory."""
    left = iter(rows)
    while some := list(islice(left, TOGETHER)):
        documents = json.loads(f"[{','.join([body for _, body in some])}]")
        yield from zip([kind for kind, _ in some], documents, strict=True)


async def from_many_rows(rows: Iterable[tuple[str, str]]) -> list[tuple[str, Document]]:
    """The same as `from_rows` between the turns of others."""
    found: list[tuple[str, Document]] = []
    for each in from_rows(rows):
        found.append(each)
        if len(found) % TOGETHER == 0:
            await asyncio.sleep(0)
    return found
