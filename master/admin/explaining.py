"""`/explain`: what would become of a connection now, decided with the tables that serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from ...shared.entities.violation import schema_violation
from ...shared.explanation import explain
from ...shared.imagined import Question
from ...shared.model.stream import Route
from ...shared.plugin_order import explained
from ...shared.tables import file_tables, live_tables
from ..explain import BadEnd, end_of, question_of
from ..generation import Generation
from .answer import to_json, turned_away
from .body import BadBody
from .call import Call
from .schemas import Schemas

POST_ONLY: Final = ("OPTIONS", "POST")
TEXTS: Final = ("sni", "from", "to")
LONGEST: Final = 1024
"""Of a text; a name in a hello has at most 255."""
PROTOCOLS: Final = 64


class Explaining:
    """See the module."""

    def __init__(self, current: Callable[[], Generation | None], schemas: Schemas) -> None:
        self._current = current
        self._schemas = schemas

    def knows(self, segments: tuple[str, ...]) -> bool:
        """Whether it is this path."""
        return segments == ("explain",)

    async def answer(self, call: Call) -> web.Response:
        """Answer; raises Violation, BadBody."""
        refused = turned_away(call.method, POST_ONLY)
        if refused is not None:
            return refused
        words = words_of(await call.fields())
        generation = self._current()
        if generation is None:
            raise BadBody(503, "nothing serves yet")
        return to_json(200, self._explained(generation, words))

    def _explained(self, generation: Generation, words: dict[str, Any]) -> dict[str, Any]:
        stream, live = generation.configuration.stream, generation.live
        tables = file_tables(stream.gateway) if live is None else live_tables(live)
        taken: list[Route] = []

        def route(index: int) -> Route:
            taken.append(tables.route(index))
            return taken[0]

        answer = explain(stream, question_in(words, generation), replace(tables, route=route))
        if answer["listener"] is None or answer.get("route", answer) is None:
            return answer
        plugins = stream.plugins if live is None else stream.plugins + live.uses.everywhere()
        priorities = {name: each["priority"] for name, each in self._schemas.plugins.items()}
        found = explained(replace(stream, plugins=plugins), taken[0] if taken else None, priorities)
        return answer | ({"plugins": found} if found else {})


def question_in(words: dict[str, Any], generation: Generation) -> Question:
    """The question that is asked; raises Violation."""
    for name in ("from", "to"):
        if words.get(name):
            try:
                end_of(words[name], needs_port=name == "to")
            except BadEnd as error:
                raise schema_violation({name: str(error)}) from None
    return question_of(words, generation.configuration.stream)


def words_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a body; raises Violation with all that is wrong with them."""
    words = {name: value for name, value in fields.items() if value not in (None, "")}
    wrong: dict[str, Any] = {name: "unknown field" for name in words if name not in (*TEXTS, "alpn", "plain")}
    for name in TEXTS:
        if name in words and not isinstance(words[name], str):
            wrong[name] = "expected a string"
        elif len(words.get(name, "")) > LONGEST:
            wrong[name] = f"length must be at most {LONGEST}"
    if isinstance(words.get("alpn"), str):
        words["alpn"] = [words["alpn"]]
    alpn = words.get("alpn", [])
    if not isinstance(alpn, list) or not all(isinstance(each, str) for each in alpn):
        wrong["alpn"] = "expected an array of strings"
    elif len(alpn) > PROTOCOLS or any(len(each) > 255 for each in alpn):
        wrong["alpn"] = "too long"
    plain = words.get("plain", False)
    words["plain"] = {"true": True, "false": False}.get(plain, plain) if isinstance(plain, str) else plain
    if not isinstance(words["plain"], bool):
        wrong["plain"] = "expected a boolean"
    if wrong:
        raise schema_violation(wrong)
    return words
