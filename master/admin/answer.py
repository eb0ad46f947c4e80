"""Answers: JSON with the headers that Kong's clients are used to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from ...shared.version import __version__

CONTENT: Final = "application/json; charset=utf-8"
ALWAYS: Final = {
    "Server": f"penstock/{__version__}",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Credentials": "true",
}
COLLECTION: Final = ("GET", "HEAD", "OPTIONS", "POST")
MEMBER: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT")
READ_ONLY: Final = ("GET", "HEAD", "OPTIONS")


def to_json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    """A value as the answer."""
    return written(status, json_of(value), headers)


def json_of(value: Any) -> bytes:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=plain).encode("utf-8", "replace")


def written(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
    """JSON as the answer."""
    return web.Response(status=status, body=body, headers={**ALWAYS, "Content-Type": CONTENT, **(headers or {})})


def plain(value: object) -> object:
    """What JSON does not know: frozen mappings and sets."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set | tuple):
        return sorted(value) if isinstance(value, frozenset | set) else list(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def empty(status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer without a body."""
    return web.Response(status=status, headers={**ALWAYS, **(headers or {})})


def message(status: int, text: str, **more: Any) -> web.Response:
    """A sentence as the answer."""
    return to_json(status, {"message": text, **more})


def options(methods: tuple[str, ...]) -> web.Response:
    """What may be done with a path."""
    allowed = ", ".join(sorted(methods))
    return empty(
        204,
        {
            "Allow": allowed,
            "Access-Control-Allow-Methods": allowed,
            "Access-Control-Allow-Headers": "Content-Type",
        },
    )


def not_found() -> web.Response:
    """Kong's words."""
    return message(404, "Not found")


def not_allowed(methods: tuple[str, ...]) -> web.Response:
    """Kong's words."""
    found = message(405, "Method not allowed")
    found.headers["Allow"] = ", ".join(sorted(methods))
    return found


def turned_away(method: str, methods: tuple[str, ...]) -> web.Response | None:
    """The answer to OPTIONS, and to a method that a path does not have; None for those that it has."""
    if method == "OPTIONS":
        return options(methods)
    return None if method in methods else not_allowed(methods)
