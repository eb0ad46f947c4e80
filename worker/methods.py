"""The method of an upstream, chosen once, when its balancer is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from ..shared.model.upstream import Upstream
from ..shared.peer_zone import PeerZone
from .balance import PRIVATE, Balancer, Home
from .balance_hash import ConsistentBalancer, HashBalancer
from .balance_load import (
    LeastConnBalancer,
    LeastTimeBalancer,
    RandomBalancer,
    RandomTimeBalancer,
    Times,
    less_busy,
)
from .peer_shared import shared, state_maker

Clock = Callable[[], float]
B = TypeVar("B", bound=Balancer)


def make_balancer(upstream: Upstream, clock: Clock, zone: PeerZone | None = None, slot: int = 0) -> Balancer:
    """The balancer of an upstream, with its state in `zone` if there is one. The method's arguments are right."""
    home = PRIVATE
    if zone is not None:
        home = Home(state_maker(zone, slot, upstream.name), zone.lock)
    arguments = upstream.method_arguments
    match upstream.method:
        case "hash":
            return kind(ConsistentBalancer if "consistent" in arguments else HashBalancer, home)(upstream, clock, home)
        case "least_conn":
            return kind(LeastConnBalancer, home)(upstream, clock, home)
        case "least_time":
            times = Times(arguments[0], "inflight" in arguments)
            return kind(LeastTimeBalancer, home)(upstream, clock, times, home)
        case "random" if arguments and "=" in arguments[-1]:
            times = Times(arguments[-1].partition("=")[2])
            return kind(RandomTimeBalancer, home)(upstream, clock, times, home=home)
        case "random":
            better = less_busy if "two" in arguments else None
            return kind(RandomBalancer, home)(upstream, clock, better, home=home)
    return kind(Balancer, home)(upstream, clock, home)


def kind(made: type[B], home: Home) -> type[B]:
    """The class itself, or its form for a state that is shared."""
    return made if home is PRIVATE else cast(type[B], shared(made))  # type: ignore[arg-type]  # types are hashable
