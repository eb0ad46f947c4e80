"""`/config`: everything from one document, where no database keeps entities."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from aiohttp import web

from ...shared.entities.catalog import Catalog
from ...shared.entities.changes import FileRecord
from ...shared.entities.declarative import configuration_hash, declaring, documenting
from ...shared.entities.kinds import SCHEMAS
from ...shared.entities.violation import Violation
from ...shared.entities.yaml_text import parsing, writing
from ...shared.pieces import Pieces
from ..in_turns import in_turns
from ..publisher import frozen
from .answer import READ_ONLY, empty, json_of, message, to_json, turned_away, written
from .body import Body
from .call import Call

METHODS: Final = (*READ_ONLY, "POST")
WITH_DATABASE: Final = "this endpoint is only available when Kong is configured to not use a database"
"""Kong's words: scripts know them."""
NOTHING: Final = "expected a declarative configuration"
FALSE: Final = frozenset({"", "0", "false"})


class Declaring:
    """See the module."""

    def __init__(self, file: Callable[[], Iterable[FileRecord]]) -> None:
        self._file = file
        """The records of the configuration file: names in them are taken."""

    def knows(self, segments: tuple[str, ...]) -> bool:
        """Whether it is this path."""
        return segments == ("config",)

    async def answer(self, call: Call) -> web.Response:
        """Answer; raises Violation, BadBody."""
        refused = turned_away(call.method, METHODS)
        if refused is not None:
            return refused
        if call.registrar.store is not None:
            return message(400, WITH_DATABASE)
        if call.method != "POST":
            document = await in_turns(documenting(call.catalog))
            return to_json(200, {"config": await in_turns(writing(document))})
        document = await written_in(await call.body())
        if document is None:
            return message(400, NOTHING)
        if asked_for(call.query, "check_hash") and configuration_hash(document) == call.registrar.configuration_hash:
            return empty(304)
        with frozen():
            return await self._declare(call, document)

    async def _declare(self, call: Call, document: Any) -> web.Response:
        try:
            declared = await in_turns(declaring(document, time.time, call.catalog.descriptions, self._file()))
        except Violation as wrong:
            if not asked_for(call.query, "flatten_errors"):
                wrong.more.pop("flattened_errors", None)
            raise
        await call.registrar.replace_all(declared)
        return written(201, await in_turns(by_kind(declared.catalog)))


async def written_in(body: Body) -> Any:
    """The document in a body: the body itself, or a field `config` that holds it as text; raises Violation."""
    if body.text is not None:
        return await in_turns(parsing(body.text))
    value = dict(body.pairs) if body.pairs is not None else body.json
    if isinstance(value, Mapping) and isinstance(value.get("config"), str):
        return await in_turns(parsing(value["config"]))
    return value or None


def asked_for(query: Mapping[str, str], name: str) -> bool:
    """Whether a switch in the query is on."""
    return query.get(name, "").lower() not in FALSE


def by_kind(catalog: Catalog) -> Pieces[bytes]:
    """The entities of a document by kind and id, as JSON; in pieces."""
    now = {kind: list(catalog.table(kind).records.values()) for kind in SCHEMAS}  # the next document may come meanwhile
    kinds = []
    for kind, records in now.items():
        members = []
        for record in records:
            if catalog.written_at(kind, record["id"]) is None:
                members.append(b'"%b":%b' % (record["id"].encode(), json_of(catalog.shape(kind, record))))
            yield
        if members:
            kinds.append(b'"%b":{%b}' % (kind.encode(), b",".join(members)))
    return b"{%b}" % b",".join(kinds)
