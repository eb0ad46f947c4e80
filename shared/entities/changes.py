"""Changes of records, as they are proposed, stored, applied and sent to workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .schema import Record


@dataclass(frozen=True, slots=True)
class Change:
    """One record that becomes another."""

    kind: str
    id: str
    before: Record | None
    """None: it is new."""
    after: Record | None
    """None: it is deleted."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a request comes to."""

    record: dict[str, Any] | None
    """What is answered, in the API's shape; None where something was deleted."""
    changes: tuple[Change, ...]
    """In an order in which they may be made; empty: there is nothing to do."""
    created: bool = False


@dataclass(frozen=True, slots=True)
class Parent:
    """What the entities of a nested collection have in common: `/services/{id}/routes`."""

    field: str
    """The foreign key of theirs, such as `service`."""
    id: str


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A record of the configuration file."""

    kind: str
    record: Record
    where: str
    """`file:line`."""
