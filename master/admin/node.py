"""`/`, `/status`, `/endpoints`, `/timers`: what a node tells of itself, in the shape that Kong's clients read."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from ...shared.model.stream import Configuration
from ...shared.version import __version__
from .answer import READ_ONLY, message, not_allowed, not_found, options, to_json
from .call import Call
from .schemas import Schemas

UNITS: Final[Mapping[str, float]] = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30}
DIGITS: Final = frozenset("0123456789")
PATHS: Final = (
    "/", "/ca_certificates", "/ca_certificates/{ca_certificates}", "/certificates", "/certificates/{certificates}",
    "/certificates/{certificates}/snis", "/cluster", "/config", "/consumers", "/endpoints", "/explain", "/generations",
    "/metrics", "/openapi.json", "/plugins", "/plugins/enabled", "/plugins/{plugins}", "/reload", "/routes",
    "/routes/{routes}", "/routes/{routes}/plugins", "/routes/{routes}/service", "/schemas/{name}",
    "/schemas/{entity}/validate", "/schemas/plugins/{name}", "/schemas/plugins/validate", "/services",
    "/services/{services}", "/services/{services}/plugins", "/services/{services}/routes", "/sessions",
    "/sessions/{sessions}", "/snis",
    "/snis/{snis}", "/status", "/status/ready", "/tags", "/tags/{tags}", "/timers", "/upstreams",
    "/upstreams/{upstreams}", "/upstreams/{upstreams}/health", "/upstreams/{upstreams}/targets",
    "/upstreams/{upstreams}/targets/all", "/upstreams/{upstreams}/targets/{targets}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sight:
    """What the master knows of itself at a moment."""

    configuration: Configuration
    master: int
    workers: tuple[int, ...]
    accepted: int
    """Sessions that were accepted since the start."""
    active: int
    ready: bool
    """Whether workers accept."""
    memory: Mapping[int, int]
    """Bytes of each worker."""


class NodeInfo:
    """See the module."""

    def __init__(self, node_id: str, hostname: str, sight: Callable[[], Sight], schemas: Schemas) -> None:
        self._node_id = node_id
        self._hostname = hostname
        self._sight = sight
        self._schemas = schemas

    def knows(self, segments: tuple[str, ...]) -> bool:
        """Whether a path is one of these."""
        return segments in ((), ("status",), ("status", "ready"), ("endpoints",), ("timers",), ("consumers",))

    async def answer(self, call: Call) -> web.Response:
        """Answer."""
        if call.method == "OPTIONS":
            return options(READ_ONLY)
        if call.method not in ("GET", "HEAD"):
            return not_allowed(READ_ONLY)
        match call.segments:
            case ():
                return to_json(200, self._root(call))
            case ("status",):
                return to_json(200, self._status(call))
            case ("status", "ready"):
                return message(200, "ready") if self._sight().ready else message(503, "no worker accepts")
            case ("endpoints",):
                return to_json(200, {"data": list(PATHS), "next": None})
            case ("timers",):
                return to_json(200, {"worker": {"id": 0, "count": len(self._sight().workers)}, "stats": {"timers": {}}})
            case ("consumers",):
                return to_json(200, {"data": [], "next": None})
        return not_found()

    def _root(self, call: Call) -> dict[str, Any]:
        sight = self._sight()
        enabled = {record["name"] for record in call.catalog.every("plugins")}
        return {
            "tagline": "Welcome to penstock",
            "version": __version__,
            "edition": "community",
            "hostname": self._hostname,
            "node_id": self._node_id,
            "timers": {"running": 0, "pending": 0},
            "plugins": {
                "available_on_server": {
                    name: {"version": each["version"], "priority": each["priority"]}
                    for name, each in sorted(self._schemas.plugins.items())
                },
                "enabled_in_cluster": sorted(enabled),
            },
            "lua_version": f"none: Python {platform.python_version()}",
            "configuration": self._configuration(call, sight.configuration),
            "pids": {"master": sight.master, "workers": list(sight.workers)},
        }

    def _configuration(self, call: Call, configuration: Configuration) -> dict[str, Any]:
        """What clients look for; never a secret."""
        main, gateway = configuration.main, configuration.stream.gateway
        return {
            "database": call.registrar.kind,
            "prefix": configuration.prefix,
            "nginx_conf": configuration.file,
            "stream_listen": [listen.label for listen in gateway.listens] or ["off"],
            "admin_listen": [str(listen.address) for listen in main.admin.listens],
            "nginx_worker_processes": str(main.worker_processes),
            "router_flavor": "traditional_compatible",
            "worker_consistency": "strict",
            "loaded_plugins": dict.fromkeys(sorted(self._schemas.plugins), True),
        }

    def _status(self, call: Call) -> dict[str, Any]:
        sight = self._sight()
        unit = UNITS.get(call.query.get("unit", "m").lower(), 2**20)
        scale = int(call.query["scale"]) if call.query.get("scale", "") in DIGITS else 2
        found: dict[str, Any] = {
            "server": {
                "connections_accepted": sight.accepted,
                "connections_handled": sight.accepted,
                "connections_active": sight.active,
                "connections_reading": 0,
                "connections_writing": sight.active,
                "connections_waiting": 0,
                "total_requests": sight.accepted,
            },
            "memory": {
                "workers_lua_vms": [
                    {"pid": pid, "http_allocated_gc": sized(size / unit, scale, call.query.get("unit", "m"))}
                    for pid, size in sight.memory.items()
                ],
                "lua_shared_dicts": {},
            },
        }
        registrar = call.registrar
        if registrar.store is None:
            found["configuration_hash"] = registrar.configuration_hash
        else:
            found["database"] = {"reachable": not registrar.trouble}
            if registrar.trouble:
                found["database"]["reason"] = registrar.trouble
        found["version"] = registrar.version
        return found


def sized(value: float, scale: int, unit: str) -> str:
    """`12.34 MiB`."""
    suffix = {"b": "B", "k": "KiB", "m": "MiB", "g": "GiB"}.get(unit.lower(), "MiB")
    return f"{value:.{min(scale, 9)}f} {suffix}"
