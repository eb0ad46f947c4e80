"""Plugins out of records, and where they apply: to a route, to a service, or everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..entities.schema import thawed
from ..model.plugin import PluginUse
from .records import Change, Record, Records, reference


class Uses:
    """The plugins of records; of each the same object for as long as its record is the same, for they are told apart
    by it."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._known: dict[str, PluginUse] = {}
        self._coming: dict[str, PluginUse] = {}
        """Those of changes that are about to be applied."""

    def __iter__(self) -> Iterator[PluginUse]:
        """Every one that is switched on."""
        for record in self._records.every("plugins"):
            if record["enabled"]:
                yield self._use(record)

    def everywhere(self) -> tuple[PluginUse, ...]:
        """Those of every session."""
        return tuple([self._use(r) for r in self._records.every("plugins") if r["enabled"] and is_global(r)])

    def of(self, kind: str, identity: str, owner: Record) -> tuple[PluginUse, ...]:
        """Those of a service or route; one for both counts with the route, while that leads to the service."""
        uses = []
        for each in self._records.users(kind, identity, "plugins"):
            record = self._records.get("plugins", each)
            if record is None or not record["enabled"]:
                continue
            if kind == "services" and reference(record, "route") is not None:
                continue
            wanted = reference(record, "service") if kind == "routes" else None
            if wanted is None or wanted == reference(owner, "service"):
                uses.append(self._use(record))
        return tuple(uses)

    def coming(self, changes: Iterable[Change]) -> list[PluginUse]:
        """The plugins that changes will bring, for whoever has to prepare them before these are applied."""
        self._coming = {
            each.id: use_of(each.after)
            for each in changes
            if each.kind == "plugins" and each.after is not None and each.after["enabled"]
        }
        return list(self._coming.values())

    def changed(self, identity: str) -> None:
        """A record is another one now."""
        self._known.pop(identity, None)
        if (coming := self._coming.pop(identity, None)) is not None:
            self._known[identity] = coming

    def _use(self, record: Record) -> PluginUse:
        use = self._known.get(record["id"])
        if use is None:
            use = self._known[record["id"]] = use_of(record)
        return use


def use_of(record: Record) -> PluginUse:
    """A plugin's record as the configuration names plugins."""
    return PluginUse(record["name"], config=thawed(record["config"]), id=record["id"])


def is_global(record: Record) -> bool:
    """Whether a plugin is for all sessions."""
    return reference(record, "route") is None and reference(record, "service") is None
