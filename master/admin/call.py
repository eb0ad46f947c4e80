"""One request as the endpoints see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ...shared.entities.catalog import Catalog
from ...shared.entities.form import body_of, tree
from .body import BadBody, Body, read_body
from .registrar import Registrar


@dataclass(slots=True)
class Call:
    """A request, with what it is answered from."""

    request: web.BaseRequest
    registrar: Registrar
    method: str
    segments: tuple[str, ...]
    """Of the path, decoded."""
    query: Mapping[str, str] = field(default_factory=dict)
    _body: Body | None = None

    @property
    def catalog(self) -> Catalog:
        """The records."""
        return self.registrar.catalog

    async def body(self) -> Body:
        """What was sent; raises BadBody."""
        if self._body is None:
            self._body = await read_body(self.request)
        return self._body

    async def entity(self, kind: str) -> dict[str, Any]:
        """The body as fields of an entity: a form's texts have the types of the schema. Raises BadBody."""
        body = await self.body()
        if body.pairs is not None:
            return body_of(kind, body.pairs, self.catalog.descriptions)
        return mapping(body.json)

    async def fields(self) -> dict[str, Any]:
        """The body as a tree of plain values; raises BadBody."""
        body = await self.body()
        return tree(body.pairs) if body.pairs is not None else mapping(body.json)


def mapping(value: Any) -> dict[str, Any]:
    """A JSON body that is an object; nothing counts as an empty one. Raises BadBody."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadBody(400, "expected a JSON object")
    return value
