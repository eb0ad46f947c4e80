"""The sentence of a connection that no route takes: what was seen, and the nearest route with what failed there.

Nearest is the route with the fewest failed conditions, then the one whose names are the most alike. A refusal must stay
cheap when it is an attack, so only some routes are looked at: those whose names share their parent domain with the one
seen, those that listen to the same port, and the first of the configuration; and none with very many conditions.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from .conditions import TLS_PROTOCOLS, Seen, fit_of, in_use
from .hello import normal_name
from .model.stream import Endpoint, Route
from .printable import printable
from .proxy_header import AddressPort

K = TypeVar("K")

LOOKED_AT: Final = 16
"""Routes of each sort that are looked at; about 3 µs each."""
MAX_CONDITIONS: Final = 64
"""Entries of a route that is looked at; about 1 µs each."""
SHOWN: Final = 3
"""Entries of a failed condition that are printed."""


class Refusal:
    """Knows the routes well enough to say why none of them matched.

    Indices are places in the sequence given; `more`, and what comes later, brings its own, which are greater.
    """

    def __init__(self, routes: Sequence[Route], more: Mapping[int, Route] | None = None) -> None:
        self._routes = dict(enumerate(routes))
        self._routes.update(sorted((more or {}).items()))
        self._by_parent: dict[str, list[int]] = {}
        self._by_port: dict[int, list[int]] = {}
        self._live = [index for index, route in self._routes.items() if in_use(route) and _small(route)]
        for index in self._live:
            route = self._routes[index]
            for parent in _parents(route):
                self._by_parent.setdefault(parent, []).append(index)
            for port in _ports(route):
                self._by_port.setdefault(port, []).append(index)

    def insert(self, index: int, route: Route) -> None:
        """Know one more."""
        self._routes[index] = route
        if not (in_use(route) and _small(route)):
            return
        insort(self._live, index)
        for parent in _parents(route):
            insort(self._by_parent.setdefault(parent, []), index)
        for port in _ports(route):
            insort(self._by_port.setdefault(port, []), index)

    def remove(self, index: int, route: Route) -> None:
        """Forget one, as it was inserted."""
        del self._routes[index]
        if not (in_use(route) and _small(route)):
            return
        del self._live[bisect_left(self._live, index)]
        for parent in _parents(route):
            _drop(self._by_parent, parent, index)
        for port in _ports(route):
            _drop(self._by_port, port, index)

    def no_route(self, seen: Seen) -> str:
        """The text of the log line, without a stop."""
        return f"no route for {described(seen)}; {self.nearest(seen)}"

    def nearest(self, seen: Seen) -> str:
        """The clause about the nearest route."""
        chosen = {*self._live[:LOOKED_AT], *self._by_port.get(seen.destination[1], ())[:LOOKED_AT]}
        if seen.name is not None:
            chosen.update(self._by_parent.get(_parent(seen.name), ())[:LOOKED_AT])
        if not chosen:
            return "no route is near" if self._routes else "there is no route"
        _, index, failed = min(self._distance(index, seen) for index in chosen)
        route = self._routes[index]
        reasons = ", ".join(_reason(field, route, seen) for field in failed) or "it matches"
        return f'the nearest route is "{route.name}": {reasons}'

    def _distance(self, index: int, seen: Seen) -> tuple[tuple[int, int, int], int, tuple[str, ...]]:
        route = self._routes[index]
        fit, failed = fit_of(index, route, seen)
        alike = max([_alike(normal_name(name), seen.name or "") for name in route.snis], default=0)
        return (len(failed), -alike, -fit.weight), index, failed


def nearest(routes: Sequence[Route], tls: bool, sni: str | None, source: AddressPort, destination: AddressPort) -> str:
    """`Refusal.no_route` for once; reads all routes, so a process that refuses many keeps a Refusal."""
    return Refusal(routes).no_route(Seen(tls, sni, source, destination))


def described(seen: Seen) -> str:
    """What was seen of a connection, fit for a log."""
    if not seen.tls:
        what = "plain traffic"
    elif seen.sni is None:
        what = "TLS without SNI"
    else:
        what = f'TLS with SNI "{printable(seen.sni)}"'
    return f"{what} from {_end(seen.source)} to {_end(seen.destination)}"


def _end(end: AddressPort) -> str:
    ip, port = end
    if ip.startswith("unix:"):
        return ip
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _reason(field: str, route: Route, seen: Seen) -> str:
    if field == "protocols":
        wanted = "TLS" if not TLS_PROTOCOLS.isdisjoint(route.protocols) else ", ".join(sorted(route.protocols))
        return f"it takes {wanted} only"
    if field == "snis":
        missing = "" if seen.name else ", there is none" if seen.tls else ", plain traffic has none"
        return f"its SNI is {_some(route.snis)}{missing}"
    entries = route.sources if field == "sources" else route.destinations
    return f"its {field} are {_some([_entry(entry) for entry in entries])}"


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - SHOWN
    return ", ".join(texts[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _entry(entry: Endpoint) -> str:
    port = "" if entry.port is None else f":{entry.port}"
    if entry.network is None:
        return port or "any"
    ip = str(entry.network if entry.cidr else entry.network.network_address)
    return f"[{ip}]{port}" if ":" in ip and port else ip + port


def _parent(name: str) -> str:
    """What follows the first label; of a name of one label, the name."""
    return name.partition(".")[2] or name


def _alike(one: str, other: str) -> int:
    """Characters that two names share at both ends."""
    return _begin_alike(one, other) + _begin_alike(one[::-1], other[::-1])


def _begin_alike(one: str, other: str) -> int:
    differs = (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differs, min(len(one), len(other)))


def _small(route: Route) -> bool:
    return len(route.snis) + len(route.sources) + len(route.destinations) <= MAX_CONDITIONS


def _parents(route: Route) -> list[str]:
    """The parent domains of a route's names, one for each."""
    return [_parent(normal_name(name)) for name in route.snis]


def _ports(route: Route) -> list[int]:
    """The ports that a route listens to, one for each entry."""
    return [entry.port for entry in route.destinations if entry.port is not None]


def _drop(kept: dict[K, list[int]], key: K, index: int) -> None:
    same = kept[key]
    del same[bisect_left(same, index)]
    if not same:
        del kept[key]
