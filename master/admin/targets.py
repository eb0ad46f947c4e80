"""What targets have beside other entities: states set by hand, and the health of an upstream."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import Any, Final, Protocol

from aiohttp import web

from ...shared.entities.changes import Parent
from ...shared.entities.names import host_port
from .answer import READ_ONLY, empty, not_allowed, not_found, options, to_json
from .call import Call

STATES: Final[Mapping[str, bool]] = {"healthy": True, "unhealthy": False}
PUT_ONLY: Final = ("OPTIONS", "PUT")
OFF: Final = "HEALTHCHECKS_OFF"
HEALTHY: Final = "HEALTHY"
UNHEALTHY: Final = "UNHEALTHY"
DNS_ERROR: Final = "DNS_ERROR"


class Health(Protocol):
    """What is known of peers."""

    def states(self) -> Mapping[tuple[str, str], bool]:
        """Whether peers are in service, by upstream and address."""

    def set(self, upstream: str, address: str, healthy: bool) -> bool:
        """Let a peer be healthy or not; False for one that is not known."""


class Targets:
    """See the module."""

    def __init__(self, health: Health, node_id: str) -> None:
        self._health = health
        self._node_id = node_id

    def knows(self, segments: tuple[str, ...]) -> bool:
        """Whether a path is one of these."""
        if len(segments) < 3 or segments[0] != "upstreams":
            return False
        if segments[2] == "health":
            return len(segments) == 3
        if segments[2] != "targets":
            return False
        if len(segments) == 4:
            return segments[3] == "all"
        return len(segments) in (5, 6) and segments[-1] in STATES

    async def answer(self, call: Call) -> web.Response:
        """Answer; raises Violation."""
        upstream = call.catalog.get("upstreams", call.segments[1])
        if upstream is None:
            return not_found()
        if call.segments[2] == "health":
            return self._upstream_health(call, upstream)
        if len(call.segments) == 4:
            return self._all(call, upstream)
        return self._set(call, upstream)

    def _all(self, call: Call, upstream: Mapping[str, Any]) -> web.Response:
        if call.method == "OPTIONS":
            return options(READ_ONLY)
        if call.method not in ("GET", "HEAD"):
            return not_allowed(READ_ONLY)
        return to_json(200, {"data": [dict(target) for target in self._targets(call, upstream)], "next": None})

    def _set(self, call: Call, upstream: Mapping[str, Any]) -> web.Response:
        if call.method == "OPTIONS":
            return options(PUT_ONLY)
        if call.method not in ("PUT", "POST"):
            return not_allowed(PUT_ONLY)
        target = call.catalog.get("targets", call.segments[3], Parent("upstream", upstream["id"]))
        if target is None:
            return not_found()
        wanted = call.segments[4] if len(call.segments) == 6 else None
        for address in self._addresses(upstream, target):
            if wanted is None or wanted in (address, address.rpartition(":")[0]):
                self._health.set(upstream["name"], address, STATES[call.segments[-1]])
        return empty(204)

    def _upstream_health(self, call: Call, upstream: Mapping[str, Any]) -> web.Response:
        if call.method == "OPTIONS":
            return options(READ_ONLY)
        if call.method not in ("GET", "HEAD"):
            return not_allowed(READ_ONLY)
        targets = self._targets(call, upstream)
        states = [self._state(upstream, target) for target in targets]
        if call.query.get("balancer_health") not in (None, "", "0"):
            return to_json(200, self._balancer(upstream, targets, states))
        data = [
            {**target, "health": state, "data": self._details(upstream, target, state)}
            for target, state in zip(targets, states, strict=True)
        ]
        return to_json(200, {"data": data, "next": None, "node_id": self._node_id})

    def _balancer(
        self, upstream: Mapping[str, Any], targets: list[Mapping[str, Any]], states: list[str]
    ) -> dict[str, Any]:
        total = sum(target["weight"] for target in targets)
        left = sum(t["weight"] for t, state in zip(targets, states, strict=True) if state in (HEALTHY, OFF))
        threshold = upstream["healthchecks"]["threshold"]
        well = total > 0 and left > 0 and left * 100 > total * threshold
        checked = any(state != OFF for state in states)
        health = (HEALTHY if well else UNHEALTHY) if checked else OFF
        weight = {"total": total, "available": left, "unavailable": total - left}
        details = {"healthy": well, "weight": weight}
        data = {"id": upstream["id"], "health": health, "balancer_health": health, "details": details}
        return {"data": data, "next": None, "node_id": self._node_id}

    def _details(self, upstream: Mapping[str, Any], target: Mapping[str, Any], state: str) -> dict[str, Any]:
        weight = target["weight"]
        left = 0 if state in (UNHEALTHY, DNS_ERROR) else weight
        place = host_port(target["target"])
        return {
            "host": place.host if place is not None else target["target"],
            "port": place.port if place is not None else 0,
            "dns": "A",
            "nodeWeight": weight,
            "weight": {"total": weight, "available": left, "unavailable": weight - left},
            "addresses": [
                {
                    "ip": address.rpartition(":")[0].strip("[]"),
                    "port": int(address.rpartition(":")[2]),
                    "weight": weight,
                    "health": state,
                }
                for address in self._addresses(upstream, target)
            ],
        }

    def _state(self, upstream: Mapping[str, Any], target: Mapping[str, Any]) -> str:
        if not target["weight"]:
            return OFF
        states = self._health.states()
        found = [states[upstream["name"], each] for each in self._addresses(upstream, target)
                 if (upstream["name"], each) in states]  # fmt: skip
        if not found:
            return OFF
        return HEALTHY if any(found) else UNHEALTHY

    def _addresses(self, upstream: Mapping[str, Any], target: Mapping[str, Any]) -> list[str]:
        """The addresses that a target is known to have; those of a name only where they are checked."""
        place = host_port(target["target"])
        if place is not None and place.kind == "ipv6":
            return [f"[{IPv6Address(place.host)}]:{place.port}"]
        if place is not None and place.kind == "ipv4":
            return [target["target"]]
        port = target["target"].rpartition(":")[2]
        return [
            address
            for name, address in self._health.states()
            if name == upstream["name"] and address.endswith(f":{port}")
        ]

    def _targets(self, call: Call, upstream: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The newest first, as Kong."""
        table = call.catalog.table("targets")
        found = [table.records[each] for each in table.children("upstream", upstream["id"])]
        return sorted(found, key=lambda target: (target["created_at"], target["id"]), reverse=True)
