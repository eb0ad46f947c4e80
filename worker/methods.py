"""The method of an upstream, chosen once, when its balancer is made."""

from __future__ import annotations

from collections.abc import Callable

from ..shared.model.upstream import Upstream
from .balance import Balancer
from .balance_hash import ConsistentBalancer, HashBalancer
from .balance_load import (
    LeastConnBalancer,
    LeastTimeBalancer,
    RandomBalancer,
    RandomTimeBalancer,
    Times,
    less_busy,
)


def make_balancer(upstream: Upstream, clock: Callable[[], float]) -> Balancer:
    """The balancer of an upstream; the arguments of its method have been checked."""
    arguments = upstream.method_arguments
    if upstream.method == "hash":
        return (ConsistentBalancer if "consistent" in arguments else HashBalancer)(upstream, clock)
    if upstream.method == "least_conn":
        return LeastConnBalancer(upstream, clock)
    if upstream.method == "least_time":
        return LeastTimeBalancer(upstream, clock, Times(arguments[0], "inflight" in arguments))
    if upstream.method == "random":
        return random_balancer(upstream, clock, arguments)
    return Balancer(upstream, clock)


def random_balancer(upstream: Upstream, clock: Callable[[], float], arguments: tuple[str, ...]) -> Balancer:
    """`random`, `random two`, and by what the better of the two is known."""
    if "two" not in arguments:
        return RandomBalancer(upstream, clock)
    _, equals, what = arguments[-1].partition("=")
    if equals:
        return RandomTimeBalancer(upstream, clock, Times(what))
    return RandomBalancer(upstream, clock, less_busy)
