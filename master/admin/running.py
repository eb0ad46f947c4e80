"""`/generations`, `/reload`, `/cluster`, `/metrics`: what runs, and the words that change it."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry

from ...shared.version import __version__
from ..child import Child, State
from ..http import exposition
from ..levers import Levers
from ..store.base import Node
from .answer import ALWAYS, READ_ONLY, message, to_json, turned_away
from .call import Call

RELOAD_WITHIN: Final = 90.0
"""Seconds: three times what workers are given to be ready."""
POST_ONLY: Final = ("OPTIONS", "POST")
LOST: Final = 30.0
"""Seconds after which a node that did not report counts as gone."""


class Serving(Protocol):
    """The generation in force."""

    number: int


class Running:
    """See the module."""

    def __init__(
        self,
        node_id: str,
        levers: Levers,
        registry: CollectorRegistry,
        current: Callable[[], Serving | None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._node_id = node_id
        self._levers = levers
        self._registry = registry
        self._current = current
        self._now = now

    def knows(self, segments: tuple[str, ...]) -> bool:
        """Whether a path is one of these."""
        return segments in (("generations",), ("reload",), ("cluster",), ("metrics",))

    async def answer(self, call: Call) -> web.Response:
        """Answer; raises StoreError."""
        (path,) = call.segments
        refused = turned_away(call.method, POST_ONLY if path == "reload" else READ_ONLY)
        if refused is not None:
            return refused
        match path:
            case "generations":
                return to_json(
                    200, {"data": generations(self._levers.inquiries.children(), self._number), "next": None}
                )
            case "reload":
                return await self._reload()
            case "cluster":
                return to_json(200, await self._cluster(call))
        text, content_type = exposition(self._registry, call.request.headers.get("Accept", ""))
        return web.Response(body=text, headers={**ALWAYS, "Content-Type": content_type, "Cache-Control": "no-store"})

    @property
    def _number(self) -> int:
        current = self._current()
        return 0 if current is None else current.number

    async def _reload(self) -> web.Response:
        before = self._number
        try:
            async with asyncio.timeout(RELOAD_WITHIN):
                refused = await self._levers.reload()
        except TimeoutError:
            return message(504, f"the reload is not over after {RELOAD_WITHIN:g} s", generation=self._number)
        if refused:
            text = f"the configuration was refused, generation {before} stays in force"
            return message(409, text, reason=refused, generation=self._number)
        return message(200, "reloaded", generation=self._number)

    async def _cluster(self, call: Call) -> dict[str, Any]:
        registrar = call.registrar
        nodes: Iterable[Node] = ()
        if registrar.store is not None:
            nodes = await registrar.store.nodes()
        now = self._now()
        own = Node(self._node_id, socket.gethostname(), __version__, registrar.version, now)
        every = {node.id: node for node in nodes} | {own.id: own}
        data = [self._node(every[each], registrar.version, now) for each in sorted(every)]
        return {"data": data, "next": None, "database": registrar.kind, "version": registrar.version}

    def _node(self, node: Node, version: int, now: float) -> dict[str, Any]:
        silent = max(0.0, now - node.seen)
        return {
            "id": node.id,
            "hostname": node.hostname,
            "program": node.program,
            "version": node.version,
            "behind": max(0, version - node.version),
            "seen": round(node.seen, 3),
            "silent": round(silent, 3),
            "state": "away" if silent > LOST else "serving",
            "this": node.id == self._node_id,
        }


def generations(children: Iterable[Child], current: int) -> list[dict[str, Any]]:
    """The generations that have workers, the newest first."""
    found: dict[int, list[Child]] = {current: []} if current else {}
    for child in children:
        found.setdefault(child.generation, []).append(child)
    return [
        {
            "generation": number,
            "state": "in force" if number == current else "starting" if number > current else "leaving",
            "workers": [
                {"pid": child.pid, "slot": child.slot, "state": state_of(child)}
                for child in sorted(found[number], key=lambda child: child.slot)
            ],
        }
        for number in sorted(found, reverse=True)
    ]


def state_of(child: Child) -> str:
    """A worker's state as a word."""
    return "serving" if child.state is State.READY else child.state.value
