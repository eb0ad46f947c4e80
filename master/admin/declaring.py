"""`/config`: everything from one document, where no database keeps entities."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from aiohttp import web

from ...shared.entities.changes import FileRecord
from ...shared.entities.declarative import Declared, declaring, document_of
from ...shared.entities.violation import Violation
from ...shared.entities.yaml_text import parsing, writing
from ..in_turns import in_turns
from .answer import READ_ONLY, empty, message, to_json, turned_away
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
            return to_json(200, {"config": await in_turns(writing(document_of(call.catalog)))})
        document = await written_in(await call.body())
        if document is None:
            return message(400, NOTHING)
        try:
            declared = await in_turns(declaring(document, time.time, call.catalog.descriptions, self._file()))
        except Violation as wrong:
            if not asked_for(call.query, "flatten_errors"):
                wrong.more.pop("flattened_errors", None)
            raise
        if asked_for(call.query, "check_hash") and declared.hash == call.registrar.configuration_hash:
            return empty(304)
        await call.registrar.replace_all(declared)
        return to_json(201, by_kind(declared))


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


def by_kind(declared: Declared) -> dict[str, dict[str, Any]]:
    """The entities of a document by kind and id."""
    found: dict[str, dict[str, Any]] = {}
    for kind, record in declared.records:
        found.setdefault(kind, {})[record["id"]] = declared.catalog.shape(kind, record)
    return found
