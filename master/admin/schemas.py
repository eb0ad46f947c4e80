"""`/schemas`, `/plugins/enabled` and `/tags`: what entities may say, and which have a tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiohttp import web

from ...shared.entities.description import described, described_plugin
from ...shared.entities.kinds import SCHEMAS
from ...shared.entities.paging import size_of
from ...shared.entities.plugins import complete_plugin
from ...shared.entities.schema import refuse
from ...shared.entities.sni_changes import names_given
from .answer import READ_ONLY, message, not_allowed, not_found, options, to_json
from .call import Call

POST_ONLY: Final = ("OPTIONS", "POST")
VALID: Final = "schema validation successful"


class Schemas:
    """See the module."""

    def __init__(self, plugins: Iterable[Mapping[str, Any]] = ()) -> None:
        self.plugins: dict[str, Mapping[str, Any]] = {each["name"]: each for each in plugins}
        """Descriptions by name."""

    def knows(self, segments: tuple[str, ...]) -> bool:
        """Whether a path is one of these."""
        match segments:
            case ("schemas", *rest):
                return 1 <= len(rest) <= 2
            case ("plugins", "enabled") | ("plugins", "schema", _) | ("tags",) | ("tags", _):
                return True
        return False

    async def answer(self, call: Call) -> web.Response:
        """Answer; raises Violation, BadBody."""
        match call.segments:
            case ("schemas", kind, "validate"):
                return await self._validate(call, kind)
        if call.method == "OPTIONS":
            return options(READ_ONLY)
        if call.method not in ("GET", "HEAD"):
            return not_allowed(READ_ONLY)
        match call.segments:
            case ("schemas", kind):
                return to_json(200, described(kind)) if kind in SCHEMAS else self._unknown(kind)
            case ("schemas", "plugins", name) | ("plugins", "schema", name):
                if name not in self.plugins:
                    return message(404, f"No plugin named '{name}'")
                return to_json(200, described_plugin(self.plugins[name]))
            case ("plugins", "enabled"):
                return to_json(200, {"enabled_plugins": sorted(self.plugins)})
            case ("tags", *rest):
                return self._tags(call, rest[0] if rest else None)
        return not_found()

    def _unknown(self, kind: str) -> web.Response:
        return message(404, f"No entity named '{kind}'")

    async def _validate(self, call: Call, kind: str) -> web.Response:
        if call.method == "OPTIONS":
            return options(POST_ONLY)
        if call.method != "POST":
            return not_allowed(POST_ONLY)
        if kind not in SCHEMAS:
            return self._unknown(kind)
        raw = await call.entity(kind)
        names = names_given(kind, raw)
        schema = SCHEMAS[kind]
        raw, wrong = schema.expand(raw)
        _, errors = complete_plugin(raw, call.catalog.descriptions) if kind == "plugins" else schema.complete(raw)
        refuse({**errors, **wrong, **names.errors})
        return message(200, VALID)

    def _tags(self, call: Call, tag: str | None) -> web.Response:
        query = call.query
        page = call.catalog.tag_rows(size_of(query.get("size")), query.get("offset"), tag)
        kept = {"size": query["size"]} if "size" in query else {}
        return to_json(200, page.body("/" + "/".join(call.segments), kept))
