"""The Admin API: from a request to the endpoints that answer it, and from what they refuse to Kong's bodies."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol
from urllib.parse import unquote

from aiohttp import web

from ...shared.entities.violation import Violation
from ...shared.model.operations import AdminAuth
from ..store.base import StoreError
from .answer import message, not_found, to_json
from .body import BadBody
from .call import Call
from .gatekeeper import admitted
from .registrar import Registrar

LATENCY: Final = "X-Kong-Admin-Latency"
LONGEST_PATH: Final = 2048
METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class Endpoints(Protocol):
    """A group of paths."""

    def knows(self, segments: tuple[str, ...]) -> bool:
        """Whether a path is one of these."""

    def answer(self, call: Call) -> Awaitable[web.StreamResponse]:
        """Answer a request; raises Violation, BadBody, StoreError."""


class AdminApi:
    """Answers requests; the first group that knows a path has it."""

    def __init__(
        self,
        registrar: Registrar,
        groups: Sequence[Endpoints],
        auth: AdminAuth,
        complain: Callable[[str], object],
        note: Callable[[web.BaseRequest, int], object] = lambda _request, _status: None,
    ) -> None:
        self.auth = auth
        """Replaced when the configuration is read anew."""
        self.note = note
        """Told of each answer, for the access log."""
        self._registrar = registrar
        self._groups = tuple(groups)
        self._complain = complain

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer, whatever happens."""
        begun = time.monotonic()
        response = await self._guarded(request)
        if not response.prepared:
            response.headers[LATENCY] = str(int((time.monotonic() - begun) * 1000))
        self.note(request, response.status)
        return response

    async def _guarded(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except Violation as refused:
            return to_json(refused.http_status, refused.body)
        except BadBody as bad:
            return message(bad.status, bad.message)
        except StoreError as error:
            self._complain(f"admin: {request.method} {request.path}: {error}")
            return message(503, str(error))
        except Exception as error:  # a mistake of ours must not end what serves
            self._complain(f"admin: {request.method} {request.path}: unexpected {error!r}")
            return message(500, "An unexpected error occurred")

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if not admitted(request, self.auth):
            answer = message(401, "Unauthorized")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        path = request.rel_url.raw_path
        if len(path) > LONGEST_PATH:
            return message(414, "the path is too long")
        segments = segments_of(path)
        if segments is None:
            return not_found()
        if request.method not in METHODS:
            return message(405, "Method not allowed")
        for group in self._groups:
            if group.knows(segments):
                query = dict(request.rel_url.query)
                return await group.answer(Call(request, self._registrar, request.method, segments, query))
        return not_found()


def segments_of(path: str) -> tuple[str, ...] | None:
    """The decoded parts of a path, a slash at its end left out; None for one that cannot be."""
    parts = path.strip("/").split("/")
    if parts == [""]:
        return ()
    try:
        decoded = tuple(unquote(part, errors="strict") for part in parts)
    except UnicodeDecodeError:
        return None
    return None if any(not part or "\0" in part for part in decoded) else decoded
