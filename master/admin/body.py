"""Bodies of requests: JSON, forms in both encodings, YAML; each with a limit and a deadline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web

LIMIT: Final = 8 * 2**20
"""Bytes of a body."""
DEADLINE: Final = 30.0
"""Seconds in which a body is to arrive."""
MAX_FIELDS: Final = 20_000
MAX_DEPTH: Final = 64
"""Of JSON's arrays and objects in each other."""
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
YAML: Final = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})


class BadBody(Exception):
    """A body that cannot be used."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Body:
    """What came with a request."""

    json: Any = None
    """The value, where JSON was sent."""
    pairs: tuple[tuple[str, str], ...] | None = None
    """Names and values, where a form was sent."""
    text: str | None = None
    """Where YAML was sent."""


async def read_body(request: web.BaseRequest, limit: float = DEADLINE) -> Body:
    """The body of a request; raises BadBody."""
    raw = await read_bytes(request, limit)
    kind = request.headers.get("Content-Type", "")
    if not raw:
        return Body()
    return decode(raw, kind)


async def read_bytes(request: web.BaseRequest, limit: float = DEADLINE) -> bytes:
    """The bytes of a body; raises BadBody."""
    try:
        async with asyncio.timeout(limit):
            return await request.read()
    except TimeoutError:
        raise BadBody(408, "the body did not arrive in time") from None
    except web.HTTPRequestEntityTooLarge:
        raise BadBody(413, f"the body is larger than {LIMIT} bytes") from None
    except (web.HTTPException, ConnectionError, ValueError) as error:
        raise BadBody(400, f"the body could not be read: {type(error).__name__}") from None


def decode(raw: bytes, content_type: str) -> Body:
    """A body by its type; raises BadBody."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        return Body(json=parse_json(raw))
    if kind == FORM:
        return Body(pairs=form_pairs(raw))
    if kind == MULTIPART:
        return Body(pairs=multipart_pairs(raw, content_type))
    if kind in YAML:
        return Body(text=text_of(raw))
    raise BadBody(415, f"Unsupported content type: {kind}" if kind else "Unsupported content type")


def parse_json(raw: bytes) -> Any:
    """The JSON value of a body; raises BadBody."""
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError):
        raise BadBody(400, "Cannot parse JSON body") from None
    if depth_over(value, MAX_DEPTH):
        raise BadBody(400, "Cannot parse JSON body")
    return value


def refuse(word: str) -> None:
    """NaN and Infinity are no JSON."""
    raise ValueError(word)


def depth_over(value: Any, limit: int) -> bool:
    """Whether a value nests deeper than `limit`."""
    layer = [value]
    for _ in range(limit):
        inner: list[Any] = []
        for each in layer:
            if isinstance(each, Mapping):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        if not inner:
            return False
        layer = inner
    return True


def form_pairs(raw: bytes) -> tuple[tuple[str, str], ...]:
    """The fields of an url-encoded form, in order; raises BadBody."""
    try:
        pairs = parse_qsl(
            text_of(raw), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS, encoding="utf-8"
        )
    except ValueError as error:
        raise BadBody(400, f"Cannot parse the form: {error}") from None
    return tuple(pairs)


def multipart_pairs(raw: bytes, content_type: str) -> tuple[tuple[str, str], ...]:
    """The fields of a multipart form (RFC 7578), in order; a file's content counts as the value. Raises BadBody."""
    head = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + raw)
    if not message.is_multipart():
        raise BadBody(400, "Cannot parse the multipart form")
    pairs = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise BadBody(400, "Cannot parse the multipart form: a part without a name")
        content = part.get_payload(decode=True)
        pairs.append((name, text_of(content if isinstance(content, bytes) else b"")))
        if len(pairs) > MAX_FIELDS:
            raise BadBody(400, "Cannot parse the multipart form: too many fields")
    return tuple(pairs)


def text_of(raw: bytes) -> str:
    """UTF-8 text; raises BadBody."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadBody(400, "the body is not UTF-8") from None
