"""`/sessions`: what is open on all workers, and the end of one."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Final

from aiohttp import web

from ...shared.entities.paging import size_of
from ...shared.entities.violation import Violation, invalid_option
from ...shared.inquiry import Inquiry, parts_of
from ..inquiries import Answers, Inquiries
from .answer import READ_ONLY, empty, not_found, to_json, turned_away
from .call import Call

MEMBER: Final = ("DELETE", *READ_ONLY)


class Sessions:
    """See the module."""

    def __init__(self, inquiries: Inquiries) -> None:
        self._inquiries = inquiries

    def knows(self, segments: tuple[str, ...]) -> bool:
        """Whether a path is one of these."""
        return segments[:1] == ("sessions",) and len(segments) <= 2

    async def answer(self, call: Call) -> web.Response:
        """Answer; raises Violation."""
        single = len(call.segments) == 2
        refused = turned_away(call.method, MEMBER if single else READ_ONLY)
        if refused is not None:
            return refused
        if single:
            return await self._one(call.segments[1], end=call.method == "DELETE")
        answers = await self._inquiries.ask(inquiry_of(call.query))
        return to_json(200, listed(answers, size_of(call.query.get("size"))))

    async def _one(self, identity: str, *, end: bool) -> web.Response:
        parts = parts_of(identity)
        if parts is None:
            return not_found()
        answers = await self._inquiries.ask(Inquiry(id=identity, end=end, size=1), parts[0])
        found = [session for answer in answers.by_pid.values() for session in answer["sessions"]]
        if not found:
            return not_found()
        return empty(204) if end else to_json(200, found[0])


def inquiry_of(query: Mapping[str, str]) -> Inquiry:
    """What a query asks for; raises Violation."""
    source = query.get("source", "")
    if source:
        try:
            ip_network(source, strict=False)
        except ValueError:
            raise bad_source(source) from None
    route, service, sni = (query.get(name, "") for name in ("route", "service", "sni"))
    return Inquiry(route=route, service=service, sni=sni, source=source, size=size_of(query.get("size")))


def bad_source(source: str) -> Violation:
    """A client that cannot be."""
    return invalid_option("source", f"invalid ip or cidr range: '{source}'")


def listed(answers: Answers, size: int) -> dict[str, Any]:
    """The oldest sessions of all workers, and how many there are."""
    every = [session for answer in answers.by_pid.values() for session in answer["sessions"]]
    shown = heapq.nsmallest(size, every, key=lambda session: (-session["age"], session["id"]))
    found: dict[str, Any] = {"data": shown, "next": None}
    found["total"] = sum(answer["total"] for answer in answers.by_pid.values())
    if answers.silent:
        found["silent_workers"] = sorted(answers.silent)
    return found
