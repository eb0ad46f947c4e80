"""What a configuration that is right has in it that can be of no use: warnings of `penstock -t`.

A route that can never match, since older ones or such that are asked first have all of its conditions; a certificate
for names that no route takes; a service that no route goes to. Only the test of a configuration looks for them: a
start has no time for what changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

from ..conditions import TLS_PROTOCOLS, in_use, kinds_of
from ..endpoint_table import key_of
from ..hello import normal_name
from ..model.listen import Mode
from ..model.stream import Certificate, Gateway, Notice, Route
from ..name_table import rank_of

Point = tuple[bool, int, object, object, object]
"""One way to match: whether TLS is offered to it first, the kinds of conditions, and one entry of each."""
MAX_POINTS: Final = 10_000
"""Ways of one route that are looked at; one with more is never called useless."""


def advice(gateway: Gateway) -> Iterator[Notice]:
    """The warnings, in the order of the file."""
    found = [*shadowed(gateway), *unrouted(gateway), *unseen(gateway)]
    yield from sorted(found, key=lambda notice: notice.where)


def shadowed(gateway: Gateway) -> Iterator[Notice]:
    """Routes whose every condition an earlier one has already."""
    owner: dict[Point, Route] = {}
    # TLS meets tls and tls_passthrough routes before tcp routes, whichever is older
    offered_first = [route for route in gateway.routes if not TLS_PROTOCOLS.isdisjoint(route.protocols)]
    others = [route for route in gateway.routes if TLS_PROTOCOLS.isdisjoint(route.protocols)]
    for route in (*offered_first, *others):
        if not in_use(route):
            continue
        points = list(points_of(route))
        if not points:
            continue
        owners = [owner.get(point) for point in points]
        first = owners[0]
        if first is not None and None not in owners:
            text = f'route "{route.name}" can never match: route "{first.name}" has its conditions and is asked first'
            yield Notice("warn", text, route.where)
        for point in points:
            owner.setdefault(point, route)


def points_of(route: Route) -> Iterator[Point]:
    """Every way to match a route; none when they are too many."""
    traffics = [True] if not TLS_PROTOCOLS.isdisjoint(route.protocols) else []
    if "tcp" in route.protocols and not route.snis:
        traffics.append(False)
    names: set[str | None] = {normal_name(name) for name in route.snis} or {None}
    sources = {key_of(entry) for entry in route.sources} or {None}
    destinations = {key_of(entry) for entry in route.destinations} or {None}
    if len(names) * len(sources) * len(destinations) > MAX_POINTS:
        return
    for tls, name, source, destination in product(traffics, names, sources, destinations):
        yield tls, kinds_of(route), name, source, destination


def unrouted(gateway: Gateway) -> Iterator[Notice]:
    """Services that no route goes to."""
    used = {route.service.name for route in gateway.routes if route.service is not None}
    for service in gateway.services:
        if service.name not in used and service.enabled:
            yield Notice("warn", f'no route goes to service "{service.name}"', service.where)


def unseen(gateway: Gateway) -> Iterator[Notice]:
    """Certificates for names that no route with `tls` takes."""
    ending = [route for route in gateway.routes if "tls" in route.protocols and in_use(route)]
    if any(not route.snis for route in ending) or not any(each.mode is not Mode.PLAIN for each in gateway.listens):
        return
    exact = {normal_name(name) for route in ending for name in route.snis if "*" not in name}
    wild = {normal_name(name) for route in ending for name in route.snis if "*" in name}
    for certificate in gateway.certificates:
        if certificate.snis and not any(taken(normal_name(name), exact, wild) for name in certificate.snis):
            yield Notice("warn", f"no route ends TLS for {named(certificate)}", certificate.where)


def taken(name: str, exact: set[str], wild: set[str]) -> bool:
    """Whether a certificate's name can be that of a connection which some route takes."""
    if name in exact or name in wild or name == "*":
        return True
    if "*" not in name:
        return any(rank_of(pattern, name) is not None for pattern in wild)
    return any(overlaps(name, other) for other in (*exact, *wild))


def overlaps(name: str, other: str) -> bool:
    """Whether a certificate's wildcard and a route's name have a name in common, as far as one may tell."""
    if name.startswith("*"):
        end = name[1:]
        return other.endswith((end, "*")) or (other.startswith("*") and end.endswith(other[1:]))
    begin = name[:-1]
    return other.startswith((begin, "*")) or (other.endswith("*") and begin.startswith(other[:-1]))


def named(certificate: Certificate) -> str:
    """The names of a certificate, the first few."""
    some = ", ".join(f'"{name}"' for name in certificate.snis[:3])
    return f"{some} and {len(certificate.snis) - 3} more" if len(certificate.snis) > 3 else some
