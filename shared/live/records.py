"""The records that a node serves, by kind and id, and who mentions whom.

A record is an entity in Kong's JSON shape with all its keys. It is never changed: another one takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

Record = Mapping[str, Any]
Reference = tuple[str, str]
"""Kind and id; under HOST, an upstream's name."""

KINDS: Final = ("ca_certificates", "certificates", "snis", "upstreams", "targets", "services", "routes", "plugins")
"""In the order in which they may be made: nobody mentions what comes later."""
HOST: Final = "host"
"""The kind of a reference by name: a service's host may be an upstream."""


class Change(Protocol):
    """One record that becomes another."""

    @property
    def kind(self) -> str:
        """One of KINDS; others are passed over."""

    @property
    def id(self) -> str:
        """The record's."""

    @property
    def after(self) -> Record | None:
        """What it becomes; None: it is deleted."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A change as it comes over the wire."""

    kind: str
    id: str
    after: Record | None


class Records:
    """See the module."""

    def __init__(self, records: Iterable[tuple[str, Record]] = ()) -> None:
        self._by_kind: dict[str, dict[str, Record]] = {kind: {} for kind in KINDS}
        self._users: dict[tuple[str, str, str], dict[str, None]] = {}
        """Who mentions a record, by its kind and id and their kind, in the order in which they began to."""
        for kind, record in records:
            if kind in self._by_kind:
                self.put(kind, record["id"], record)

    def get(self, kind: str, identity: str | None) -> Record | None:
        """A record, if there is one."""
        return None if identity is None else self._by_kind[kind].get(identity)

    def every(self, kind: str) -> Iterable[Record]:
        """All of a kind."""
        return self._by_kind[kind].values()

    def users(self, kind: str, identity: str, of: str) -> Iterable[str]:
        """The ids of the records of kind `of` that mention one."""
        return self._users.get((kind, identity, of), {})

    def put(self, kind: str, identity: str, record: Record | None) -> Record | None:
        """Let a record be another one, or none; what it was."""
        known = self._by_kind[kind]
        before = known.get(identity)
        old = mentions(kind, before) if before is not None else ()
        new = mentions(kind, record) if record is not None else ()
        if old != new:
            for mentioned in old:
                users = self._users[*mentioned, kind]
                del users[identity]
                if not users:
                    del self._users[*mentioned, kind]
            for mentioned in new:
                self._users.setdefault((*mentioned, kind), {})[identity] = None
        if record is None:
            known.pop(identity, None)
        else:
            known[identity] = record
        return before

    def copy(self) -> Records:
        """Another one that knows the same records, for a tenth of what they cost one by one."""
        copied = Records()
        copied._by_kind = {kind: dict(known) for kind, known in self._by_kind.items()}
        copied._users = {mentioned: dict(users) for mentioned, users in self._users.items()}
        return copied

    def flat(self) -> Iterator[tuple[str, Record]]:
        """Every record with its kind, those that are mentioned before those that mention them."""
        for kind, known in self._by_kind.items():
            for record in known.values():
                yield kind, record

    def __len__(self) -> int:
        return sum(map(len, self._by_kind.values()))


def in_order(records: Iterable[tuple[str, Record]]) -> Records:
    """Records as if they had come one after the other, as they were created."""
    return Records(sorted(records, key=lambda each: each[1].get("created_at") or 0))


def mentions(kind: str, record: Record) -> tuple[Reference, ...]:
    """What a record refers to, each once."""
    match kind:
        case "routes":
            return _foreign(record, ("service", "services"))
        case "services":
            authorities = [("ca_certificates", each) for each in record.get("ca_certificates") or ()]
            host = (HOST, str(record["host"]).lower())
            return tuple(dict.fromkeys((host, *_foreign(record, ("client_certificate", "certificates")), *authorities)))
        case "snis":
            return _foreign(record, ("certificate", "certificates"))
        case "targets":
            return _foreign(record, ("upstream", "upstreams"))
        case "upstreams":
            return _foreign(record, ("client_certificate", "certificates"))
        case "plugins":
            return _foreign(record, ("service", "services"), ("route", "routes"))
    return ()


def _foreign(record: Record, *fields: tuple[str, str]) -> tuple[Reference, ...]:
    return tuple([(kind, found) for field, kind in fields if (found := reference(record, field)) is not None])


def reference(record: Record, field: str) -> str | None:
    """The id in a foreign key: `{"id": …}` or null."""
    foreign = record.get(field)
    return foreign["id"] if foreign else None
