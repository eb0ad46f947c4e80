"""The catalog: all records of a node, looked up and listed; changes are proposed by it, and made when they are stored.

    proposal = catalog.create("routes", body, Parent("service", service["id"]))     nothing has changed yet
    catalog.apply(proposal.changes)

Entities of the configuration file are in it as well: they are found, listed and count as taken names, and cannot be
written (`written_at`). A certificate's `snis` are records of kind `snis`; `shape` puts them back in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import Any, Final
from uuid import uuid4

from ..live.records import Change as AnyChange
from . import writing
from .changes import Change, FileRecord, Parent, Proposal
from .fields import UUID
from .kinds import SCHEMAS
from .paging import Page, Tags, offset_of, offset_text
from .plugins import Descriptions
from .schema import Record, frozen
from .table import Table, after, holds
from .upstreams import full_target
from .violation import not_found

__all__ = ["Catalog", "Change", "FileRecord", "Parent", "Proposal"]

TIMES: Final = ("created_at", "updated_at")


def unknown_plugins(name: str) -> None:
    """What is known of plugins where none is there."""
    del name


class Catalog:
    """See the module."""

    def __init__(
        self,
        clock: Callable[[], float],
        descriptions: Descriptions = unknown_plugins,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self.clock = clock
        self.descriptions = descriptions
        self.new_id = new_id
        self._tables = {kind: Table(schema) for kind, schema in SCHEMAS.items()}
        self._file: dict[tuple[str, str], str] = {}

    # Reading.

    def table(self, kind: str) -> Table:
        """The records of a kind."""
        return self._tables[kind]

    def get(self, kind: str, key: str, parent: Parent | None = None) -> Record | None:
        """The record with that id or endpoint key, of that parent."""
        identity = self.identity(kind, key, parent)
        record = None if identity is None else self._tables[kind].records.get(identity)
        if record is None or parent is None:
            return record
        mentioned = record[parent.field]
        return record if mentioned is not None and mentioned["id"] == parent.id else None

    def find(self, kind: str, key: str, parent: Parent | None = None) -> Record:
        """The same; raises Violation where there is none."""
        record = self.get(kind, key, parent)
        if record is None:
            raise not_found(kind, key)
        return record

    def identity(self, kind: str, key: str, parent: Parent | None = None) -> str | None:
        """The id that a path's key stands for; that of a record or one that could be. None: a name nobody has."""
        if UUID.fullmatch(key):
            return key.lower()
        if kind == "certificates":
            sni = self.get("snis", key)
            return None if sni is None else str(sni["certificate"]["id"])
        if kind == "targets":
            wanted = {"target": full_target(key), "upstream": {"id": parent.id if parent else None}}
            return self._tables[kind].together(wanted)
        field = SCHEMAS[kind].endpoint_key
        return None if field is None else self._tables[kind].by_unique(field, key)

    def written_at(self, kind: str, identity: str) -> str | None:
        """Where in the configuration file a record is written; None for those of the API."""
        return self._file.get((kind, identity))

    def certificate_names(self, identity: str) -> list[str]:
        """The names that a certificate is shown for, sorted."""
        snis = self._tables["snis"]
        return sorted(snis.records[each]["name"] for each in snis.children("certificate", identity))

    def shape(self, kind: str, record: Record) -> dict[str, Any]:
        """A record as the API shows it."""
        if kind == "certificates":
            return {**record, "snis": self.certificate_names(record["id"])}
        return dict(record)

    def every(self, kind: str) -> Iterator[Record]:
        """All of a kind, by id."""
        table = self._tables[kind]
        return (table.records[each] for each in table.ids)

    def stored(self) -> Iterator[tuple[str, Record]]:
        """Everything that is not of the configuration file, those that are mentioned first."""
        for kind in SCHEMAS:
            for record in self.every(kind):
                if (kind, record["id"]) not in self._file:
                    yield kind, record

    def page(
        self,
        kind: str,
        size: int,
        offset: str | None = None,
        tags: Tags | None = None,
        parent: Parent | None = None,
    ) -> Page:
        """A part of a list, by id; raises Violation for an offset that is none."""
        place = offset_of(offset)
        table = self._tables[kind]
        ids: Sequence[str] = table.ids if parent is None else table.children(parent.field, parent.id)
        if tags is not None and parent is None:
            ids = tagged(table, tags)
        start = after(ids, None if place is None else place[0])
        found = ids[start : start + size]
        more = start + size < len(ids)
        return Page(tuple([table.records[each] for each in found]), offset_text(found[-1]) if more else None)

    def tag_rows(self, size: int, offset: str | None = None, tag: str | None = None) -> Page:
        """A part of `/tags`, or of `/tags/{tag}`: by tag, kind and id."""
        place = offset_of(offset, 3)
        names = [tag] if tag is not None else self._next_tags(size, "" if place is None else place[0])
        rows: list[Record] = []
        for row in self._tag_rows(names, place):
            if len(rows) == size:
                last = rows[-1]
                return Page(tuple(rows), offset_text([last["tag"], last["entity_name"], last["entity_id"]]))
            rows.append(row)
        return Page(tuple(rows), None)

    def _next_tags(self, size: int, first: str) -> list[str]:
        """As many tags as a page can need, each of which has a row, but the first."""
        names = {each for table in self._tables.values() for each in table.tags if each >= first}
        return nsmallest(size + 2, names)

    def _tag_rows(self, names: Iterable[str], place: tuple[str, ...] | None) -> Iterator[dict[str, str]]:
        for name in names:
            for kind in sorted(self._tables):
                if place is not None and (name, kind) < place[:2]:
                    continue
                ids = self._tables[kind].tagged(name)
                for each in ids[after(ids, place[2]) if place is not None and (name, kind) == place[:2] else 0 :]:
                    yield {"entity_name": kind, "entity_id": each, "tag": name}

    # Changing.

    def validate(self, kind: str, body: Mapping[str, Any]) -> None:
        """Hold a body against the schema alone; raises Violation."""
        writing.validate(self, kind, body)

    def create(self, kind: str, body: Mapping[str, Any], parent: Parent | None = None) -> Proposal:
        """POST; raises Violation."""
        return writing.create(self, kind, body, parent)

    def replace(self, kind: str, key: str, body: Mapping[str, Any], parent: Parent | None = None) -> Proposal:
        """PUT: another record in its place, or a new one; raises Violation."""
        return writing.replace(self, kind, key, body, parent)

    def update(self, kind: str, key: str, body: Mapping[str, Any], parent: Parent | None = None) -> Proposal:
        """PATCH; raises Violation, also where there is none."""
        return writing.update(self, kind, key, body, parent)

    def delete(self, kind: str, key: str, parent: Parent | None = None) -> Proposal:
        """DELETE: nothing to change where there is none; raises Violation."""
        return writing.delete(self, kind, key, parent)

    def apply(self, changes: Iterable[AnyChange]) -> None:
        """Make changes that have been stored, by this node or another; of kinds that are not known here none."""
        known = [each for each in changes if each.kind in self._tables]
        if len(known) > 1:  # two may exchange a name
            for change in known:
                self._tables[change.kind].put(change.id, None)
        for change in known:
            self._tables[change.kind].put(change.id, None if change.after is None else frozen(change.after))

    def load(self, records: Iterable[tuple[str, Mapping[str, Any]]], file: Iterable[FileRecord] = ()) -> None:
        """Begin with these: those of the file first, so that a name which is in both is theirs."""
        self._tables = {kind: Table(schema) for kind, schema in SCHEMAS.items()}
        self._file = {}
        for each in file:
            self._file[each.kind, each.record["id"]] = each.where
            self._tables[each.kind].put(each.record["id"], frozen(each.record))
        # In the order of ids: sorted lists grow at their end
        for kind, record in sorted(records, key=lambda pair: pair[1]["id"]):
            if kind in self._tables and (kind, record["id"]) not in self._file:
                self._tables[kind].put(record["id"], frozen(record))

    def adopt(self, other: Catalog, changes: Iterable[AnyChange]) -> None:
        """Make changes that make this catalog another, which is not used any more; costs nothing if both have the same
        file."""
        if other._file == self._file:
            self._tables, self._file = other._tables, other._file
        else:
            self.apply(changes)

    def read_file(self, file: Iterable[FileRecord]) -> None:
        """The configuration file was read anew. Where it says the same, in other places perhaps, records and indexes
        stay: making them for 100,000 that are stored takes half a second."""
        coming = {(each.kind, each.record["id"]): each for each in file}
        if coming.keys() == self._file.keys() and all(self._says(each) for each in coming.values()):
            self._file = {key: each.where for key, each in coming.items()}
        else:
            self.load(list(self.stored()), coming.values())

    def _says(self, read: FileRecord) -> bool:
        """Whether the file's record is the one that is there, but for the time of reading."""
        known = self._tables[read.kind].records[read.record["id"]]
        return all(known[name] == value for name, value in read.record.items() if name not in TIMES)


def tagged(table: Table, tags: Tags) -> Sequence[str]:
    """The sorted ids that a filter lets through."""
    lists = sorted([table.tagged(each) for each in tags.names], key=len)
    if len(lists) == 1:
        return lists[0]
    if tags.every:
        return [each for each in lists[0] if all(holds(other, each) for other in lists[1:])]
    return sorted({each for ids in lists for each in ids})
