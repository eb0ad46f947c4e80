"""The Admin API in memory: a store in a file, workers that acknowledge at once, requests without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request
from catalogs import described

from penstock.master.admin.api import AdminApi, Endpoints
from penstock.master.admin.registrar import Registrar
from penstock.master.store.base import Store
from penstock.master.store.sqlite import SqliteStore
from penstock.shared.entities.catalog import Catalog
from penstock.shared.entities.changes import Change, FileRecord
from penstock.shared.model.operations import AdminAuth

Groups = Callable[[Registrar], Sequence[Endpoints]]


class Workers:
    """A publisher that notes what it is given."""

    def __init__(self) -> None:
        self.published: list[tuple[int, tuple[Change, ...]]] = []

    def publish(self, version: int, changes: Any) -> asyncio.Future[None]:
        """In force at once."""
        self.published.append((version, tuple(changes)))
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]


class AdminDesk:
    """Use `ask` inside a coroutine run by `run`."""

    def __init__(self, folder: Path, *, store: bool = True, auth: AdminAuth | None = None) -> None:
        self.said: list[str] = []
        self.workers = Workers()
        self.now = 1_790_000_000.0
        self.catalog = Catalog(lambda: self.now, described)
        self.store: Store | None = SqliteStore(str(folder / "admin.db")) if store else None
        self.registrar = Registrar(self.catalog, self.store, self.workers, self.said.append)
        self.auth = auth or AdminAuth()
        self.api: AdminApi

    def run(self, work: Callable[[], Any], groups: Groups, file: Sequence[FileRecord] = ()) -> None:
        """Open the store, do the work, close it."""

        async def whole() -> None:
            if self.store is not None:
                await self.store.open()
                self.registrar.begin(await self.store.load(), file)
            self.api = AdminApi(self.registrar, groups(self.registrar), self.auth, self.said.append)
            try:
                await work()
            finally:
                if self.store is not None:
                    await self.store.close()

        asyncio.run(whole())

    async def ask(
        self,
        method: str,
        path: str,
        form: Sequence[tuple[str, str]] | Mapping[str, str] | None = None,
        *,
        json_body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request."""
        sent = dict(headers or {})
        raw = b""
        if form is not None:
            raw, sent["Content-Type"] = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif json_body is not None:
            raw, sent["Content-Type"] = json.dumps(json_body).encode(), "application/json"
        request = request_of(method, path, raw, sent)
        answer = await self.api.answer(request)
        assert isinstance(answer, web.Response)
        body = json.loads(answer.body) if isinstance(answer.body, bytes) and answer.body else None
        return Answer(answer.status, body, dict(answer.headers))


class Quiet:
    """A protocol whose connection never has to be slowed down."""

    _reading_paused = False
    connected = True

    def resume_reading(self, **_more: object) -> None:
        """Nothing was paused."""


def request_of(method: str, path: str, raw: bytes, headers: Mapping[str, str]) -> web.BaseRequest:
    """A request that came whole."""
    loop = asyncio.get_running_loop()
    protocol = type(
        "Quiet", (), {"_reading_paused": False, "resume_reading": lambda _self, **_more: None, "connected": True}
    )()
    payload = StreamReader(protocol, 2**16, loop=loop)
    payload.feed_data(raw)
    payload.feed_eof()
    return make_mocked_request(method, path, dict(headers), payload=payload, client_max_size=8 * 2**20)
