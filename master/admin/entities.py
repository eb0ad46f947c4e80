"""The endpoints of entities: collections, members, and those nested in another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from ...shared.entities.catalog import Catalog
from ...shared.entities.changes import Parent, Proposal
from ...shared.entities.paging import size_of, tags_of
from ...shared.live.records import reference
from .answer import COLLECTION, MEMBER, empty, not_allowed, not_found, options, to_json
from .call import Call

NESTED: Final[Mapping[tuple[str, str], str]] = {
    ("services", "routes"): "service",
    ("services", "plugins"): "service",
    ("routes", "plugins"): "route",
    ("upstreams", "targets"): "upstream",
    ("certificates", "snis"): "certificate",
    ("certificates", "services"): "client_certificate",
    ("certificates", "upstreams"): "client_certificate",
}
"""The foreign keys of nested collections, by the parent's kind and theirs."""
UPWARDS: Final[Mapping[tuple[str, str], str]] = {
    ("routes", "service"): "services",
    ("plugins", "service"): "services",
    ("plugins", "route"): "routes",
}
"""What a member leads to."""
TOP: Final = ("services", "routes", "certificates", "snis", "ca_certificates", "upstreams", "plugins")
"""Kinds with a collection of their own."""
SINGLE: Final = ("GET", "HEAD", "OPTIONS", "PATCH", "PUT")


@dataclass(frozen=True, slots=True)
class Showing:
    """How records are shown."""

    hides_keys: Callable[[], bool] = lambda: False

    def shape(self, catalog: Catalog, kind: str, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record as JSON."""
        found = catalog.shape(kind, record)
        if self.hides_keys() and kind == "certificates":
            found = {name: value for name, value in found.items() if name not in ("key", "key_alt")}
        return found


class Entities:
    """See the module."""

    def __init__(self, showing: Showing) -> None:
        self._showing = showing

    def knows(self, segments: tuple[str, ...]) -> bool:
        """Whether a path is one of entities."""
        if not segments or segments[0] not in TOP or len(segments) > 4:
            return False
        if len(segments) <= 2:
            return True
        pair = (segments[0], segments[2])
        return pair in NESTED or (pair in UPWARDS and len(segments) == 3)

    async def answer(self, call: Call) -> web.Response:
        """Answer; raises Violation, BadBody, StoreError."""
        kind, *rest = call.segments
        if not rest:
            return await self._collection(call, kind, None)
        if len(rest) == 1:
            return await self._member(call, kind, rest[0], None)
        pair = (kind, rest[1])
        if pair in UPWARDS:
            return await self._upwards(call, kind, rest[0], rest[1], UPWARDS[pair])
        holder = call.catalog.get(kind, rest[0])
        if holder is None:
            return not_found()
        parent = Parent(NESTED[pair], holder["id"])
        if len(rest) == 2:
            return await self._collection(call, rest[1], parent)
        return await self._member(call, rest[1], rest[2], parent)

    async def _collection(self, call: Call, kind: str, parent: Parent | None) -> web.Response:
        match call.method:
            case "GET" | "HEAD":
                return self._list(call, kind, parent)
            case "OPTIONS":
                return options(COLLECTION)
            case "POST":
                body = await call.entity(kind)
                proposal = await call.registrar.write(lambda c: c.create(kind, body, parent), "create", kind)
                return self._written(kind, proposal, 201)
        return not_allowed(COLLECTION)

    def _list(self, call: Call, kind: str, parent: Parent | None) -> web.Response:
        query = call.query
        size = size_of(query.get("size"))
        tags = tags_of(query.get("tags")) if parent is None else None
        page = call.catalog.page(kind, size, query.get("offset"), tags, parent)
        kept = {name: query[name] for name in ("tags", "size") if name in query} if parent is None else {}
        path = "/" + "/".join(self._canonical(call, parent))
        found = page.body(path, kept)
        found["data"] = [self._showing.shape(call.catalog, kind, record) for record in page.records]
        return to_json(200, found)

    def _canonical(self, call: Call, parent: Parent | None) -> tuple[str, ...]:
        if parent is None:
            return call.segments
        return (call.segments[0], parent.id, *call.segments[2:])

    async def _member(self, call: Call, kind: str, key: str, parent: Parent | None) -> web.Response:
        catalog, write = call.catalog, call.registrar.write
        match call.method:
            case "GET" | "HEAD":
                record = catalog.get(kind, key, parent)
                return not_found() if record is None else to_json(200, self._showing.shape(catalog, kind, record))
            case "OPTIONS":
                return options(MEMBER)
            case "PUT":
                body = await call.entity(kind)
                proposal = await write(lambda c: c.replace(kind, key, body, parent), "create or update", kind)
                return self._written(kind, proposal, 200)
            case "PATCH":
                body = await call.entity(kind)
                proposal = await write(lambda c: c.update(kind, key, body, parent), "update", kind)
                return self._written(kind, proposal, 200)
            case "DELETE":
                await write(lambda c: c.delete(kind, key, parent), "delete", kind)
                return empty(204)
        return not_allowed(MEMBER)

    async def _upwards(self, call: Call, kind: str, key: str, field: str, above: str) -> web.Response:
        """`/routes/{r}/service`: what a member mentions."""
        record = call.catalog.get(kind, key)
        identity = reference(record, field) if record is not None else None
        if call.method == "OPTIONS":
            return options(SINGLE)
        if identity is None:
            return not_found()
        if call.method == "DELETE":
            return not_allowed(SINGLE)
        return await self._member(call, above, identity, None)

    def _written(self, kind: str, proposal: Proposal, status: int) -> web.Response:
        assert proposal.record is not None
        shown = dict(proposal.record)
        if self._showing.hides_keys() and kind == "certificates":
            for name in ("key", "key_alt"):
                shown.pop(name, None)
        return to_json(status, shown)
