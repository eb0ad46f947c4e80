"""A real Penstock that is asked through its Admin API."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final
from urllib.parse import urlencode

from deadline import seconds
from gate import Gate
from postgres import Postgres

from penstock.master.store.postgres import migrate

NUMBERS: Final = count(1)
CONFIG: Final = """
worker_processes 2;
admin_listen 127.0.0.1:%%PORT_admin%%;
database %%DATABASE%%;
stream {
    stream_listen 127.0.0.1:%%PORT_one%%;
    service written { url tcp://127.0.0.1:9; }
}
"""
"""A node of whatever database."""
Form = Mapping[str, object] | Sequence[tuple[str, object]]


@dataclass(frozen=True)
class Reply:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The JSON; None without a body."""
        return json.loads(self.content) if self.content else None


class Administered(Gate):
    """Its configuration has `admin_listen 127.0.0.1:%%PORT_admin%%`."""

    def ask(
        self,
        method: str,
        path: str,
        form: Form | None = None,
        *,
        value: Any = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        port: str = "admin",
    ) -> Reply:
        """One request on a connection of its own; `value` goes as JSON, `form` url-encoded, `raw` as it is."""
        sent = dict(headers or {})
        content = raw
        if form is not None:
            content, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
            sent.setdefault("Content-Type", kind)
        elif value is not None:
            content = json.dumps(value).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port(port), timeout=seconds(30))
        try:
            connection.request(method, path, content, sent)
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """The JSON of a GET that goes well."""
        reply = self.ask("GET", path)
        assert reply.status == 200, reply
        return reply.body

    def post(self, path: str, form: Form | None = None, value: Any = None) -> Any:
        """The JSON of a POST that makes something."""
        reply = self.ask("POST", path, form, value=value)
        assert reply.status == 201, reply
        return reply.body


def database(cluster: Postgres) -> str:
    """A new database, with its schema, as the configuration names it."""
    target = cluster.create(f"node{next(NUMBERS)}")
    asyncio.run(migrate(target))
    return f'postgres "{target}"'
