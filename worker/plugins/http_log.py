"""`http-log`: records to an HTTP server, in batches. Kong's plugin of that name, with its queue."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import aiohttp

from ...shared.plugin import FilePath, Milliseconds, Record, setting
from ..kit.log_plugin import LogConfig, LogPlugin, as_json
from ..kit.outlets import client_tls
from ..kit.queue import Queue, QueueConfig

URL: Final = r"https?://[^\s/?#]+(/\S*)?"
FAILED: Final = 300
"""The first status that is none of a success."""
ANSWER: Final = 65_536
"""Bytes of an answer that are read, so that the connection can be kept."""


class HttpLog(LogPlugin):
    """Sends records to an HTTP server: each as an object, or several as an array of them."""

    version = "1.0.0"
    priority = 12

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config(LogConfig):
        """Where to, and how."""

        http_endpoint: str = setting(match=URL, doc="The URL; may have user and password.")
        method: Literal["POST", "PUT", "PATCH"] = "POST"
        content_type: Literal["application/json", "application/json; charset=utf-8"] = "application/json"
        timeout: Milliseconds = setting(10_000, between=(1, 2**31 - 2), doc="For one request.")
        keepalive: Milliseconds = setting(60_000, doc="How long an idle connection is kept.")
        headers: Mapping[str, str] = field(default_factory=dict)
        ssl_verify: bool = setting(False, doc="Whether the server's certificate has to be right.")
        ca_certificates: FilePath | None = setting(None, doc="Whose word counts; the system's where it is not given.")
        queue: QueueConfig = QueueConfig()

    config: Config
    queue: Queue[bytes] | None = None
    client: aiohttp.ClientSession
    _tls: ssl.SSLContext

    def configure(self) -> None:
        """Read the authorities, look at the headers."""
        self._tls = client_tls(self.config.ssl_verify, self.config.ca_certificates)
        for name, value in self.config.headers.items():
            if not name.isascii() or any(mark in name + value for mark in "\r\n\0") or name.lower() in OURS:
                raise ValueError(f'the header "{name}" cannot be set')

    def init_worker(self) -> None:
        """Begin to send."""
        config = self.config
        self.client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=1, keepalive_timeout=config.keepalive / 1000),
            timeout=aiohttp.ClientTimeout(total=config.timeout / 1000),
            headers={"Content-Type": config.content_type, **config.headers},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self.queue = Queue(self.worker, config.queue, self.send)
        super().init_worker()

    def emit(self, record: Record) -> None:
        """One more."""
        text = as_json(record)
        assert self.queue is not None
        self.queue.put(text, len(text))

    async def send(self, records: list[bytes]) -> None:
        """One request; raises OSError unless its status is one of success."""
        body = records[0] if self.config.queue.max_batch_size == 1 else b"[" + b",".join(records) + b"]"
        method, url = self.config.method, self.config.http_endpoint
        try:
            async with self.client.request(method, url, data=body, allow_redirects=False) as answer:
                await answer.content.read(ANSWER)
                if answer.status >= FAILED:
                    raise OSError(f"the server answered {answer.status} {answer.reason or ''}".rstrip())
        except TimeoutError:
            raise TimeoutError(f"no answer within {self.config.timeout} ms") from None
        except aiohttp.InvalidURL as error:
            raise OSError("http_endpoint is no URL") from error  # without the URL: it may have a password
        except aiohttp.ClientError as error:
            raise OSError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Send what is left."""
        if self.queue is not None:
            try:
                await self.queue.close()
            finally:
                await self.client.close()


OURS: Final = frozenset({"host", "content-length", "content-type", "transfer-encoding"})
"""Headers that have fields of their own, or none. Kong refuses them, too."""
