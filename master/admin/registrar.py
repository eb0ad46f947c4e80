"""Keeps the catalog, the store and the workers in step: a change is stored, then known here, then in force everywhere.

Writes come one after the other. What is based on an older version than the store's, because another node has written,
is proposed anew on top of that. The answer to a write waits until every worker serves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

from ...shared.entities.catalog import Catalog
from ...shared.entities.changes import Change, FileRecord, Proposal
from ...shared.entities.declarative import NO_HASH, Declared, differing
from ...shared.entities.schema import frozen
from ...shared.entities.violation import without_database
from ...shared.pieces import Pieces
from ..in_turns import in_turns
from ..store.base import Loaded, Stale, Store, Unavailable, Write

ATTEMPTS: Final = 20
"""How often a write is proposed anew when other nodes keep writing."""
Propose = Callable[[Catalog], Proposal]


class Publishing(Protocol):
    """Whoever brings changes to the workers."""

    def publish(self, version: int, changes: Iterable[Change]) -> Awaitable[object]:
        """Done when the changes are in force."""


class Registrar:
    """See the module."""

    def __init__(
        self,
        catalog: Catalog,
        store: Store | None,
        publisher: Publishing,
        complain: Callable[[str], object],
        kept: Callable[[Sequence[Change], int], object] = lambda _changes, _version: None,
    ) -> None:
        self.catalog = catalog
        self.store = store
        self.version = 0
        self.trouble = ""
        """Why the store cannot be reached; empty while it can."""
        self.configuration_hash = NO_HASH
        """Of the declarative document in force, where nothing is stored."""
        self._publisher = publisher
        self._complain = complain
        self._kept = kept
        """Told of each version that is in force: what a restart without the store begins with."""
        self._lock = asyncio.Lock()
        self._news = False
        """Whether others have written since the store was read."""
        self._catching_up: asyncio.Task[None] | None = None

    @property
    def kind(self) -> str:
        """`sqlite`, `postgres` or `off`."""
        return "off" if self.store is None else self.store.kind

    def begin(self, loaded: Loaded, file: Iterable[FileRecord]) -> None:
        """What is there when workers are about to be born."""
        self.catalog.load(loaded.documents, file)
        self.version = loaded.version

    def read_file(self, file: Iterable[FileRecord]) -> None:
        """The configuration file was read anew."""
        self.catalog.read_file(file)

    def watch(self) -> None:
        """Hear of what others write. To be called inside the loop."""
        if self.store is not None:
            self.store.watch(self._changed_elsewhere, self._in_trouble)

    async def write(self, propose: Propose, verb: str = "create", kind: str = "") -> Proposal:
        """Make a change and have it in force; raises Violation, Unavailable."""
        if self.store is None:
            raise without_database(verb, kind)
        async with self._lock:
            proposal, served = await self._store(self.store, propose)
        if served is not None:
            await served
        return proposal

    async def replace_all(self, declared: Declared) -> None:
        """Let a declarative document take the place of what is there; waits until it is in force."""
        async with self._lock:
            changes = await in_turns(differing(self.catalog, declared))
            self.version += 1
            self.configuration_hash = declared.hash
            self.catalog.adopt(declared.catalog, changes)
            self._kept(changes, self.version)
            served = self._publisher.publish(self.version, changes)
        await served

    async def _store(self, store: Store, propose: Propose) -> tuple[Proposal, Awaitable[object] | None]:
        for _ in range(ATTEMPTS):
            proposal = propose(self.catalog)
            if not proposal.changes:
                return proposal, None
            writes = [Write(each.kind, each.id, each.after) for each in proposal.changes]
            try:
                version = await store.write(writes, self.version)
            except Stale:
                await self._catch_up(store)
                continue
            return proposal, self._apply(proposal.changes, version)
        raise Unavailable("other nodes keep writing")

    def _apply(self, changes: Sequence[Change], version: int) -> Awaitable[object]:
        self.catalog.apply(changes)
        self.version = version
        self._kept(changes, version)
        return self._publisher.publish(version, changes)

    # What others write.

    def _changed_elsewhere(self, version: int) -> None:
        self._news = self._news or version != self.version
        if self._news and self._catching_up is None:
            self._catching_up = asyncio.get_running_loop().create_task(self._follow(), name="catch up with the store")

    def _in_trouble(self, reason: str) -> None:
        if reason and not self.trouble:
            self._complain(f"{reason}; what is known is served on, and writes are refused until it is back")
        elif self.trouble and not reason:
            self._complain("the database is back")
        self.trouble = reason

    async def _follow(self) -> None:
        try:
            assert self.store is not None
            while self._news:  # there may be more by the time that workers have taken over what there was
                self._news = False
                async with self._lock:
                    await self._catch_up(self.store)
            self._in_trouble("")
        except Unavailable as error:
            self._in_trouble(str(error))
        finally:
            self._catching_up = None

    async def _catch_up(self, store: Store) -> None:
        """Take over what the store has and we have not; raises Unavailable."""
        found = await store.since(self.version)
        if found is None:
            loaded = await store.load()
            changes, version = await in_turns(self._differences(loaded)), loaded.version
        else:
            version = found[0]
            changes = [self._change(write) for write in found[1]]
        if version != self.version or changes:
            await self._apply(changes, version)

    def _change(self, write: Write) -> Change:
        return Change(write.kind, write.id, self.catalog.table(write.kind).records.get(write.id), write.document)

    def _differences(self, loaded: Loaded) -> Pieces[list[Change]]:
        """What makes our records those of the store, in pieces."""
        gone: list[Change] = []
        made: list[Change] = []
        there = {(kind, document["id"]): document for kind, document in loaded.documents}
        here = {(kind, record["id"]): record for kind, record in self.catalog.stored()}
        for (kind, identity), record in reversed(list(here.items())):
            if (kind, identity) not in there:
                gone.append(Change(kind, identity, record, None))
            yield
        for (kind, identity), document in there.items():
            before, after = here.get((kind, identity)), frozen(document)
            if before != after:
                made.append(Change(kind, identity, before, after))
            yield
        return gone + made
