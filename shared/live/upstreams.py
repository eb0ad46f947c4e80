"""Upstreams out of records: their targets, their algorithm, and how their health is judged.

As with Kong, a target is out of service only when the upstream's health checks say so: failed sessions alone do not put
it aside, which is nginx's way and that of the file's upstreams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from ipaddress import ip_address
from math import gcd
from typing import Any, Final

from ..conf.builders.addresses import Kind, Written, numeric, parse_address
from ..model.health import HealthCheck, Probe
from ..model.upstream import Peer, Resolver, Upstream
from ..template import Template
from ..variables import lookup
from ..view import SessionView
from .records import Record

METHODS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "round-robin": ("round_robin", ()),
    "least-connections": ("least_conn", ()),
    "latency": ("least_time", ("connect",)),
    "consistent-hashing": ("hash", ("consistent",)),
}
"""Kong's algorithms by ours with their arguments."""
KEYS: Final[Mapping[str, str]] = {"ip": "remote_addr", "sni": "sni"}
"""The variables of what `hash_on` names, of what a session has; anything else leaves turns."""
LARGEST_SHARE: Final = 100
"""The weight, on average, up to which a target's points on the circle are kept: 160 for each unit."""
PORT: Final = 8000
"""Kong's, of a target without one."""

Place = tuple[str, int]
"""Host and port."""
Complain = Callable[[str], None]


def upstream_of(record: Record, targets: Iterable[Record], resolver: Resolver | None, complain: Complain) -> Upstream:
    """The upstream of a record with its targets, the older first."""
    method, arguments = METHODS.get(record["algorithm"], METHODS["round-robin"])
    key = None
    if method == "hash":
        key = hash_key(record)
        if key is None:
            method, arguments = METHODS["round-robin"]
    ordered = sorted(targets, key=lambda target: (target["created_at"], target["id"]))
    weights = lean_weights([target["weight"] for target in ordered], limited=method == "hash")
    return Upstream(
        name=record["name"],
        peers=peers_of(ordered, weights, resolver, complain),
        method=method,
        method_arguments=arguments,
        key=key,
        resolver=resolver,
        health=health_of(record.get("healthchecks") or {}),
        live=True,
        host_header=record.get("host_header") or "",
    )


def hash_key(record: Record) -> Template | None:
    """What is hashed: `hash_on`, and `hash_fallback` for a session that has nothing there."""
    words = [record.get(field) or "" for field in ("hash_on", "hash_fallback")]
    names = [word[1:] if word.startswith("$") else KEYS[word] for word in words if word.startswith("$") or word in KEYS]
    return first_of(tuple(names)) if names else None


@cache
def first_of(names: tuple[str, ...]) -> Template:
    """A template of the first variable that has a value."""
    getters = tuple([lookup(name) for name in names])

    def getter(session: SessionView) -> str | None:
        return next((value for get in getters if (value := get(session))), None)

    return Template(" or ".join(f"${name}" for name in names), getters if len(names) == 1 else (getter,))


def lean_weights(weights: Sequence[int], *, limited: bool) -> list[int]:
    """The same shares in small numbers: Kong's weights are 100 where nothing is said."""
    divisor = gcd(*weights) or 1
    lean = [weight // divisor for weight in weights]
    average = sum(lean) / max(1, sum(weight > 0 for weight in lean))
    if limited and average > LARGEST_SHARE:
        lean = [max(1, round(weight * LARGEST_SHARE / average)) if weight else 0 for weight in lean]
    return lean


def peers_of(
    targets: Iterable[Record], weights: Iterable[int], resolver: Resolver | None, complain: Complain
) -> tuple[Peer, ...]:
    """A peer for each target; one of weight 0 is there and never picked."""
    peers = []
    for target, weight in zip(targets, weights, strict=True):
        try:
            written = parse_address(target["target"])
        except ValueError as error:
            complain(f'{error} in target "{target["target"]}", it is left out')
            continue
        peers.append(peer_of(target["target"], written, resolver, weight=weight or 1, down=not weight))
    return tuple(peers)


def implicit_of(host: str, port: int, resolver: Resolver | None) -> Upstream:
    """The upstream of a service whose host names none."""
    try:
        ip_address(host)
        written = Written(Kind.IPV6 if ":" in host else Kind.IPV4, host, port)
    except ValueError:
        written = Written(Kind.NAME, host, port)
    text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Upstream(text, (peer_of(text, written, resolver),), resolver=resolver, implicit=True, live=True)


class Implicit:
    """The upstreams that hosts of services stand for: one for all services of the same host and port."""

    def __init__(self, resolver: Resolver | None) -> None:
        self._resolver = resolver
        self._known: dict[Place, Upstream] = {}
        self._users: dict[Place, set[str]] = {}
        self._places: dict[str, Place] = {}
        """By the service's id."""
        self._came: dict[Place, Upstream] = {}
        self._left: dict[Place, Upstream] = {}
        """What whoever serves has not heard of yet."""

    def stand_for(self, service: Record) -> Upstream:
        """The upstream of a service, from now on."""
        place = (service["host"], service["port"])
        known = self._known.get(place)
        if known is None:
            left = self._left.pop(place, None)
            known = self._known[place] = self._new(place) if left is None else left
        self._places[service["id"]] = place
        self._users.setdefault(place, set()).add(service["id"])
        return known

    def leave(self, service: str) -> None:
        """A service leads elsewhere, or is gone."""
        place = self._places.pop(service, None)
        if place is None:
            return
        self._users[place].discard(service)
        if not self._users[place]:
            del self._users[place]
            known = self._known.pop(place)
            if self._came.pop(place, None) is None:
                self._left[place] = known

    def _new(self, place: Place) -> Upstream:
        made = self._came[place] = implicit_of(*place, self._resolver)
        return made

    def news(self) -> tuple[list[Upstream], list[Upstream]]:
        """Those that came since this was last asked, and those that nobody uses any more."""
        came, left = list(self._came.values()), list(self._left.values())
        self._came, self._left = {}, {}
        return came, left


def peer_of(text: str, written: Written, resolver: Resolver | None, **fields: Any) -> Peer:
    """One peer. A name is resolved by the workers: again and again where there is a `resolver`."""
    port = written.port or PORT
    fields |= {"host": written.host, "port": port, "max_fails": 0}
    if written.kind is Kind.NAME:
        return Peer(text, None, resolve=resolver is not None, **fields)
    return Peer(text, numeric(written.host, port, written.kind), **fields)


def health_of(record: Mapping[str, Any]) -> HealthCheck | None:
    """Kong's `healthchecks`; None where they are off."""
    passive = (record.get("passive") or {}).get("unhealthy") or {}
    probe = probe_of(record.get("active") or {})
    failures, timeouts = passive.get("tcp_failures") or 0, passive.get("timeouts") or 0
    if probe is None and not failures and not timeouts:
        return None
    return HealthCheck(probe, failures, timeouts, float(record.get("threshold") or 0))


def probe_of(active: Mapping[str, Any]) -> Probe | None:
    """The active check: TCP, with TLS where Kong would ask over https."""
    healthy, unhealthy = active.get("healthy") or {}, active.get("unhealthy") or {}
    interval, ill_interval = float(healthy.get("interval") or 0), float(unhealthy.get("interval") or 0)
    if not interval and not ill_interval:
        return None
    return Probe(
        interval=interval,
        ill_interval=ill_interval,
        timeout=float(active.get("timeout") or 1),
        rise=healthy.get("successes") or 1,
        fall=unhealthy.get("tcp_failures") or 1,
        timeout_fall=unhealthy.get("timeouts") or 0,
        tls=active.get("type") in ("https", "grpcs"),
        sni=active.get("https_sni") or "",
    )
