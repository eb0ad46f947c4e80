"""`/openapi.json`: the Admin API as an OpenAPI 3.1 document, made from the schemas that bodies are held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from aiohttp import web

from ...shared.entities.description import json_body, json_schema
from ...shared.entities.kinds import SCHEMAS
from ...shared.version import __version__
from .answer import READ_ONLY, to_json, turned_away
from .body import FORM, JSON
from .call import Call
from .entities import NESTED, TOP, UPWARDS
from .openapi_own import OWN, OWN_SCHEMAS

Part = dict[str, Any]
VERSION: Final = "3.1.0"
WORDS: Final = {"get": "Read", "put": "Make or replace", "patch": "Change", "delete": "Delete"}


class OpenApi:
    """Answers with the document."""

    def knows(self, segments: tuple[str, ...]) -> bool:
        """Whether it is this path."""
        return segments == ("openapi.json",)

    async def answer(self, call: Call) -> web.Response:
        """Answer."""
        return turned_away(call.method, READ_ONLY) or to_json(200, document())


@cache
def document() -> Part:
    """The document."""
    return {
        "openapi": VERSION,
        "info": {
            "title": "Penstock's Admin API",
            "version": __version__,
            "description": "Kong's Admin API for streams, and what Penstock adds to it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "tags": [{"name": kind, "description": SCHEMAS[kind].doc} for kind in SCHEMAS],
        "paths": dict(sorted([*entity_paths(), *OWN.items()])),
        "components": {
            "schemas": {
                **{kind: json_schema(kind) for kind in SCHEMAS},
                **{f"{kind}-body": json_body(kind) for kind in SCHEMAS},
                **{f"{kind}-part": json_body(kind, whole=False) for kind in SCHEMAS},
                **{f"{kind}-list": page_of(ref("schemas", kind)) for kind in SCHEMAS},
                **OWN_SCHEMAS,
            },
            "parameters": PARAMETERS,
            "responses": RESPONSES,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A line of admin_auth's file."}
            },
        },
    }


def entity_paths() -> Iterator[tuple[str, Part]]:
    """The collections, their members, and what is nested in these."""
    for kind in TOP:
        yield f"/{kind}", collection(kind, top=True)
        yield f"/{kind}/{{key}}", {**member(kind), "parameters": [ref("parameters", "key")]}
    for holder, kind in NESTED:
        above = [ref("parameters", "key")]
        yield f"/{holder}/{{key}}/{kind}", {**collection(kind, top=False, nested=True), "parameters": above}
        path = f"/{holder}/{{key}}/{kind}/{{inner}}"
        yield path, {**member(kind, nested=True), "parameters": [*above, ref("parameters", "inner")]}
    for (kind, field), above_kind in UPWARDS.items():
        found = member(above_kind, nested=True)
        del found["delete"]
        yield f"/{kind}/{{key}}/{field}", {**found, "parameters": [ref("parameters", "key")]}


def collection(kind: str, *, top: bool, nested: bool = False) -> Part:
    """GET and POST."""
    names = ("size", "offset", "tags") if top else ("size", "offset")
    missing = ("404",) if nested else ()
    return {
        "get": {
            "tags": [kind],
            "summary": f"List {kind}, a page at a time",
            "parameters": [ref("parameters", name) for name in names],
            "responses": answers({"200": shown(f"{kind}-list", "A page.")}, "400", *missing),
        },
        "post": {
            "tags": [kind],
            "summary": f"Make one of {kind}",
            "requestBody": body(f"{kind}-body"),
            "responses": answers({"201": {**shown(kind, "It was made."), **links(kind)}}, *WRITES, *missing),
        },
    }


def member(kind: str, *, nested: bool = False) -> Part:
    """GET, PUT, PATCH and DELETE."""
    found: Part = {}
    for method, words in WORDS.items():
        operation: Part = {"tags": [kind], "summary": f"{words} one of {kind}"}
        if not nested:
            operation["operationId"] = f"{method}-{kind}"
        if method == "get":
            operation["responses"] = answers({"200": shown(kind, "The entity.")}, "404")
        elif method == "delete":
            gone = {"204": {"description": "It is gone, or was not there."}}
            operation["responses"] = answers(gone, *WRITES, *(("404",) if nested else ()))
        else:
            operation["requestBody"] = body(f"{kind}-body" if method == "put" else f"{kind}-part")
            operation["responses"] = answers({"200": shown(kind, "As it is now.")}, *WRITES, "404")
        found[method] = operation
    return found


def links(kind: str) -> Part:
    """Where an entity that was made leads."""
    if kind not in TOP:
        return {}
    there = {"key": "$response.body#/id"}
    return {"links": {method: {"operationId": f"{method}-{kind}", "parameters": there} for method in WORDS}}


def page_of(items: Part) -> Part:
    """A part of a list."""
    return {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": items},
            "next": {"type": ["string", "null"], "description": "The path of the following page."},
            "offset": {"type": "string", "description": "Where it begins; absent on the last page."},
        },
        "required": ["data", "next"],
    }


def body(name: str) -> Part:
    """A request's body: JSON, or a form with Kong's spellings of lists and records."""
    schema = {"schema": ref("schemas", name)}
    return {"content": {JSON: schema, FORM: schema}}


def shown(name: str, description: str) -> Part:
    """An answer with an entity."""
    return {"description": description, "content": {JSON: {"schema": ref("schemas", name)}}}


def answers(good: Mapping[str, Part], *codes: str) -> Part:
    """The answers of an operation: those that are its own, and the common ones."""
    return {**good, **{code: ref("responses", code) for code in sorted({*codes, *ALWAYS})}}


def ref(where: str, name: str) -> Part:
    """A part of the document that is written once."""
    return {"$ref": f"#/components/{where}/{name}"}


def parameter(name: str, place: str, schema: Part, description: str) -> Part:
    """A part of a path or query."""
    return {"name": name, "in": place, "required": place == "path", "schema": schema, "description": description}


def refusal(description: str, schema: str = "message") -> Part:
    """An answer that says why not."""
    return {"description": description, "content": {JSON: {"schema": ref("schemas", schema)}}}


ALWAYS: Final = ("401", "414")
"""What any path may answer."""
WRITES: Final[Sequence[str]] = ("400", "405", "408", "409", "413", "415", "503")
"""What any write may answer."""
TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 512}
PARAMETERS: Final = {
    "key": parameter("key", "path", TEXT, "An id, or the name where the kind has one."),
    "inner": parameter("inner", "path", TEXT, "The same of what is nested."),
    "size": parameter(
        "size", "query", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "Members of a page."
    ),
    "offset": parameter("offset", "query", {"type": "string"}, "Where a page begins, from the page before."),
    "tags": parameter("tags", "query", {"type": "string", "minLength": 1}, "`a,b`: both tags; `a/b`: any of them."),
}
RESPONSES: Final = {
    "400": refusal("The request is refused, with the field and the reason.", "refusal"),
    "401": refusal("No token, or none that is known."),
    "404": refusal("There is no such entity."),
    "405": refusal("Not with this method, or not without a database."),
    "408": refusal("The body did not arrive in time."),
    "409": refusal("Another entity has this name, or the configuration file says it.", "refusal"),
    "413": refusal("The body is too large."),
    "414": refusal("The path is too long."),
    "415": refusal("A body of another type than JSON or a form."),
    "503": refusal("The database cannot be reached; nothing was changed."),
}
