"""Which balancer a method gets."""

from __future__ import annotations

import pytest

from penstock.shared.model.address import ipv4
from penstock.shared.model.upstream import Peer, Upstream
from penstock.shared.template import constant
from penstock.worker.balance import Balancer
from penstock.worker.balance_hash import ConsistentBalancer, HashBalancer
from penstock.worker.balance_load import LeastConnBalancer, LeastTimeBalancer, RandomBalancer, RandomTimeBalancer
from penstock.worker.methods import make_balancer


@pytest.mark.parametrize(
    ("method", "arguments", "kind"),
    [
        ("round_robin", "", Balancer),
        ("hash", "", HashBalancer),
        ("hash", "consistent", ConsistentBalancer),
        ("least_conn", "", LeastConnBalancer),
        ("least_time", "connect", LeastTimeBalancer),
        ("least_time", "last_byte inflight", LeastTimeBalancer),
        ("random", "", RandomBalancer),
        ("random", "two least_conn", RandomBalancer),
        ("random", "two least_time=last_byte", RandomTimeBalancer),
    ],
)
def test_every_method_has_its_balancer(method: str, arguments: str, kind: type[Balancer]) -> None:
    peers = (Peer("a", ipv4("127.0.0.1", 1)), Peer("b", ipv4("127.0.0.1", 2)))
    upstream = Upstream("u", peers, method=method, method_arguments=tuple(arguments.split()), key=constant("k"))
    made = make_balancer(upstream, lambda: 1.0)
    assert type(made) is kind
    assert made.timing == ("time" in method + arguments)
    assert made.pick() in made.states
