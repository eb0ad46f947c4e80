"""How old records are: of several routes that match a connection equally, the oldest takes it."""

from __future__ import annotations

from typing import Final

from .records import Record

SECOND: Final = 1 << 24
"""Ages within a second: records tell no finer."""


class Ages:
    """Numbers that are greater for what is younger; a record keeps its own."""

    def __init__(self) -> None:
        self._by_id: dict[str, int] = {}
        self._last: dict[int, int] = {}

    def of(self, record: Record) -> int:
        """The age of a record; of two in one second the one that was met first is the older."""
        age = self._by_id.get(record["id"])
        if age is None:
            second = max(1, int(record.get("created_at") or 1))
            last = self._last.get(second)
            age = self._last[second] = second * SECOND if last is None else last + 1
            self._by_id[record["id"]] = age
        return age

    def known(self, identity: str) -> int | None:
        """The age of a record that was met."""
        return self._by_id.get(identity)

    def forget(self, identity: str) -> None:
        """The record is gone."""
        self._by_id.pop(identity, None)
