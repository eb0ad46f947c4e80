"""One route and one connection: which of the route's conditions hold, and how specifically.

This is the slow and literal reading of the rules, for explanations and refusals; `router` is the fast one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from .endpoint_table import ANY, CIDR, CIDR_PORT, IP, IP_PORT, PORT, key_of, number
from .endpoint_table import rank_of as endpoint_rank
from .hello import normal_name
from .model.stream import Endpoint, Route
from .name_table import EXACT, MAX_NAME
from .name_table import rank_of as name_rank
from .proxy_header import AddressPort

TLS_PROTOCOLS: Final = frozenset({"tls", "tls_passthrough"})


SNIS: Final = 4
SOURCES: Final = 2
DESTINATIONS: Final = 1
"""The kinds of condition; a set of them is their sum. Plain ints: an IntFlag costs a microsecond a use, per route."""
KINDS: Final = (SNIS, SOURCES, DESTINATIONS)
BOTH_ENDS: Final = SOURCES | DESTINATIONS
BOTH_ENDS_WEIGHT: Final = 8

KIND_NAMES: Final = {SNIS: "SNI", SOURCES: "source", DESTINATIONS: "destination"}


class Seen(NamedTuple):
    """What a connection shows of itself."""

    tls: bool
    sni: str | None
    """As sent, or normalised; None without TLS or without a name."""
    source: AddressPort
    destination: AddressPort

    @property
    def name(self) -> str | None:
        """The SNI as conditions compare it; None where none of them can match."""
        return comparable(self.sni) if self.tls else None


class Fit(NamedTuple):
    """How specifically a route matches; the greater one wins. The fields are in the order in which they count."""

    first_offer: bool
    """Not a `tcp` route met by TLS traffic."""
    weight: int
    """Of the kinds of its conditions."""
    source: int
    destination: int
    name: int
    age: int
    """The place among the routes, negated: older is greater."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A route that matches."""

    index: int
    route: Route
    fit: Fit
    beats_next: str = ""
    """Why it wins over the candidate after it; empty for the last."""


def comparable(sni: str | None) -> str | None:
    """A name for look-ups; None for none, for an empty one and for one longer than DNS has."""
    if sni is None or len(sni) > MAX_NAME + 1:
        return None
    return normal_name(sni) or None


def kinds_of(route: Route) -> int:
    """Which kinds of condition a route has."""
    return (SNIS if route.snis else 0) | (SOURCES if route.sources else 0) | (DESTINATIONS if route.destinations else 0)


def weight_of(kinds: int) -> int:
    """Sources with destinations over SNI over sources over destinations; more of them over fewer."""
    return kinds | (BOTH_ENDS_WEIGHT if kinds & BOTH_ENDS == BOTH_ENDS else 0)


def in_use(route: Route) -> bool:
    """Whether a route takes part: those of a disabled service do not."""
    return route.service is None or route.service.enabled


def offered(route: Route, tls: bool) -> bool:
    """Whether traffic of this sort ever meets the route."""
    return "tcp" in route.protocols or (tls and not TLS_PROTOCOLS.isdisjoint(route.protocols))


def fit_of(index: int, route: Route, seen: Seen) -> tuple[Fit, tuple[str, ...]]:
    """How a route matches, and the fields that do not: empty for a match."""
    failed = [] if offered(route, seen.tls) else ["protocols"]
    name = max(_name_ranks(route.snis, seen.name), default=None)
    source = max(_endpoint_ranks(route.sources, seen.source), default=None)
    destination = max(_endpoint_ranks(route.destinations, seen.destination), default=None)
    if route.snis and name is None:
        failed.append("snis")
    if route.sources and source is None:
        failed.append("sources")
    if route.destinations and destination is None:
        failed.append("destinations")
    first = not seen.tls or not TLS_PROTOCOLS.isdisjoint(route.protocols)
    fit = Fit(first, weight_of(kinds_of(route)), source or 0, destination or 0, name or 0, -index)
    return fit, tuple(failed)


def _name_ranks(patterns: Sequence[str], name: str | None) -> Iterable[int]:
    for pattern in patterns:
        rank = None if name is None else name_rank(normal_name(pattern), name)
        if rank is not None:
            yield rank


def _endpoint_ranks(entries: Sequence[Endpoint], end: AddressPort) -> Iterable[int]:
    for entry in entries:
        rank = endpoint_rank(key_of(entry), number(end[0]), end[1])
        if rank is not None:
            yield rank


def candidates(routes: Sequence[Route], seen: Seen) -> list[Candidate]:
    """The routes that match, the winner first, each with the reason why it beats the next."""
    fits = [(*fit_of(index, route, seen), index, route) for index, route in enumerate(routes) if in_use(route)]
    matching = sorted([(fit, index, route) for fit, failed, index, route in fits if not failed], reverse=True)
    following = [fit for fit, _, _ in matching[1:]]
    return [
        Candidate(index, route, fit, beats(fit, following[place]) if place < len(following) else "")
        for place, (fit, index, route) in enumerate(matching)
    ]


def beats(winner: Fit, loser: Fit) -> str:
    """Why one fit is greater than another, as a clause after the winner's name."""
    if winner.first_offer != loser.first_offer:
        return "TLS traffic is offered to tls and tls_passthrough routes before tcp routes"
    if winner.weight != loser.weight:
        return f"{_weight_text(winner.weight)} over {_weight_text(loser.weight)}"
    if winner.source != loser.source:
        return _endpoint_text("source", winner.source, loser.source)
    if winner.destination != loser.destination:
        return _endpoint_text("destination", winner.destination, loser.destination)
    if winner.name != loser.name:
        return f"{_name_text(winner.name)} over {_name_text(loser.name)}"
    return "the older route"


def _weight_text(weight: int) -> str:
    return " and ".join([KIND_NAMES[kind] for kind in KINDS if weight & kind]) or "no condition"


def _endpoint_text(end: str, winner: int, loser: int) -> str:
    classes = {IP_PORT: "ip and port", IP: "ip", CIDR_PORT: "CIDR and port", PORT: "port", CIDR: "CIDR", ANY: "any"}
    one, other = classes[winner & ~0xFF], classes[loser & ~0xFF]
    return f"{end} by {one} over {other}" if one != other else f"{end} by the longer prefix"


def _name_text(rank: int) -> str:
    return "exact SNI" if rank == EXACT else f"wildcard of {rank} characters"
