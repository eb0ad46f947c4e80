"""The records of one kind with their indexes.

One record more costs a few look-ups and the moving of some bytes in sorted lists, also with 100,000 there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .schema import Record, Schema

Key = tuple[Any, ...]


class Table:
    """See the module."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._uniques = schema.unique_fields
        self._foreign = tuple(schema.foreign_fields)
        self.records: dict[str, Record] = {}
        self.ids: list[str] = []
        """Sorted."""
        self._unique: dict[Key, str] = {}
        """The ids by unique field and value, and by the values that are unique together."""
        self._children: dict[tuple[str, str], list[str]] = {}
        """Sorted ids by foreign field and the id it holds."""
        self._tagged: dict[str, list[str]] = {}
        """Sorted ids by tag."""
        self._trusted: dict[str, list[str]] = {}
        """Of services: sorted ids by the authority that they trust."""

    def by_unique(self, field: str, value: Any) -> str | None:
        """The id of the record with that value of a unique field."""
        return self._unique.get((field, value))

    def together(self, record: Mapping[str, Any]) -> str | None:
        """The id of the record that has the same values where they are unique together."""
        key = together_key(self._schema, record)
        return None if key is None else self._unique.get(key)

    def children(self, field: str, parent: str) -> Sequence[str]:
        """The sorted ids of those that mention a record."""
        return self._children.get((field, parent), ())

    def tagged(self, tag: str) -> Sequence[str]:
        """The sorted ids of those with a tag."""
        return self._tagged.get(tag, ())

    def trusting(self, authority: str) -> Sequence[str]:
        """The services that trust an authority."""
        return self._trusted.get(authority, ())

    @property
    def tags(self) -> Iterable[str]:
        """Every tag in use."""
        return self._tagged

    def put(self, identity: str, record: Record | None) -> None:
        """Let a record take its place, or go."""
        before = self.records.get(identity)
        if before is not None:
            self._forget(identity, before)
        if record is None:
            if self.records.pop(identity, None) is not None:
                _take(self.ids, identity)
            return
        if before is None:
            insort(self.ids, identity)
        self.records[identity] = record
        for key in self._keys(record):
            self._unique.setdefault(key, identity)
        for lists, key in self._lists(record):
            insort(lists.setdefault(key, []), identity)

    def _forget(self, identity: str, record: Record) -> None:
        for key in self._keys(record):
            if self._unique.get(key) == identity:
                del self._unique[key]
        for lists, key in self._lists(record):
            _take(lists[key], identity)
            if not lists[key]:
                del lists[key]

    def _keys(self, record: Record) -> Iterator[Key]:
        for field in self._uniques:
            if record[field] is not None:
                yield field, record[field]
        key = together_key(self._schema, record)
        if key is not None:
            yield key

    def _lists(self, record: Record) -> Iterator[tuple[dict[Any, list[str]], Any]]:
        for field in self._foreign:
            if record[field] is not None:
                yield self._children, (field, record[field]["id"])
        for tag in record["tags"] or ():
            yield self._tagged, tag
        if self._schema.kind == "services":
            for authority in dict.fromkeys(record["ca_certificates"] or ()):
                yield self._trusted, authority


def together_key(schema: Schema, record: Mapping[str, Any]) -> Key | None:
    """The values of a record that are unique together, as one key."""
    if not schema.together:
        return None
    values = (record[field] for field in schema.together)
    return tuple([each["id"] if isinstance(each, Mapping) else each for each in values])


def _take(ids: list[str], identity: str) -> None:
    place = bisect_left(ids, identity)
    if place < len(ids) and ids[place] == identity:
        del ids[place]


def after(ids: Sequence[str], offset: str | None) -> int:
    """The place in a sorted list behind an id, which need not be there."""
    return 0 if offset is None else bisect_right(ids, offset)


def holds(ids: Sequence[str], identity: str) -> bool:
    """Whether a sorted list has an id."""
    place = bisect_left(ids, identity)
    return place < len(ids) and ids[place] == identity
