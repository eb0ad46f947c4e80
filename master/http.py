"""The master's HTTP for Prometheus: `/metrics` on the sockets of `metrics_listen`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from .http_server import IDLE_TIMEOUT, STALL_TIMEOUT, HttpServer, Limits

HTML: Final = "text/html; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
INDEX: Final = """\
<!doctype html>
<title>Penstock</title>
<h1>Penstock</h1>
<ul><li><a href="/metrics">metrics</a> for Prometheus<li><a href="/healthz">healthz</a>: whether workers accept</ul>
"""


class MetricsServer(HttpServer):
    """Serves a registry."""

    def __init__(
        self,
        registry: CollectorRegistry,
        healthy: Callable[[], bool] = lambda: True,
        complain: Callable[[str], None] = lambda _text: None,
        idle_timeout: float = IDLE_TIMEOUT,
        stall_timeout: float = STALL_TIMEOUT,
    ) -> None:
        super().__init__(self._answer, Limits(idle=idle_timeout, stall=stall_timeout))
        self._registry = registry
        self._healthy = healthy
        self._complain = complain

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return _response(405, "only GET and HEAD\n", headers={"Allow": "GET, HEAD"})
        if request.path == "/metrics":
            return self._metrics(request.headers.get("Accept", ""))
        if request.path == "/healthz":
            return _response(200, "ok\n") if self._healthy() else _response(503, "no worker accepts\n")
        if request.path == "/":
            return _response(200, INDEX, HTML)
        return _response(404, "not found\n")

    def _metrics(self, accept: str) -> web.StreamResponse:
        try:
            text, content_type = exposition(self._registry, accept)
            return _response(200, text, content_type)
        except Exception as error:  # a scrape must never take the master down
            self._complain(f"the metrics could not be collected: {error!r}")
            return _response(500, "the metrics could not be collected\n")


def exposition(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """What is counted in the form that the reader wants, and that form's name."""
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is none
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


def _response(
    status: int, body: str | bytes, content_type: str = PLAIN, headers: dict[str, str] | None = None
) -> web.Response:
    if isinstance(body, str):
        body = body.encode()
    fields = {"Content-Type": content_type, "Server": "penstock", "Cache-Control": "no-store"}
    return web.Response(status=status, body=body, headers={**fields, **(headers or {})})
