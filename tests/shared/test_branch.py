"""Tables that change piece by piece are those that would have been built at once."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from route_making import route
from route_strategies import CERTIFICATES, CONNECTIONS, ROUTES, STEPS

from penstock.shared.branch import Branch
from penstock.shared.certificate_choice import CertificateChoice
from penstock.shared.conditions import Seen
from penstock.shared.model.stream import Certificate, Route
from penstock.shared.refusal import Refusal
from penstock.shared.router import Router, Table

Connection = tuple[bool, str | None, tuple[str, int], tuple[str, int]]
FILE = 2
"""Of the routes, those that never change."""


def shape(node: Any) -> Any:
    """Everything that a node says, as plain values."""
    if not isinstance(node, Branch):
        return node
    slots = [slot for kind in type(node).__mro__ for slot in getattr(kind, "__slots__", ())]
    facts = {slot: getattr(node, slot) for slot in slots if slot not in ("more", "parents", "_tally", "__weakref__")}
    values = {
        slot: {key: shape(value) for key, value in fact.items()} if isinstance(fact, dict) else fact
        for slot, fact in facts.items()
    }
    return values | {"more": node.more or None}


def shapes(tables: tuple[Table, ...]) -> list[Any]:
    return [(table.kinds, shape(table._root), table.everywhere) for table in tables]


def parents(tables: tuple[Table, ...]) -> None:
    """Every branch knows on how many keys it hangs."""
    found: dict[int, list[Any]] = {}

    def walk(node: Any) -> None:
        for value in node.values():
            if isinstance(value, Branch):
                known = found.setdefault(id(value), [value, 0])
                known[1] += 1
                if known[1] == 1:
                    walk(value)

    for table in tables:
        if table.kinds:
            walk(table.branch)
    assert all(node.parents == count for node, count in found.values())


@settings(max_examples=400, deadline=None)
@given(st.lists(ROUTES, min_size=12, max_size=12), STEPS, st.lists(CONNECTIONS, min_size=5, max_size=5))
def test_a_changed_router_is_one_that_was_built(
    routes: list[Route], steps: list[tuple[int, bool]], connections: list[Connection]
) -> None:
    file, later = routes[:FILE], dict(enumerate(routes[FILE:], FILE))
    there: dict[int, Route] = {}
    router, refusal = Router(file), Refusal(file)
    for step, in_place in steps:
        index = FILE + step % len(later)
        if (known := there.pop(index, None)) is not None:
            router.remove(index, known)
            refusal.remove(index, known)
        if known is None or in_place:
            there[index] = later[index if known is None else FILE + (step + 5) % len(later)]
            router.insert(index, there[index])
            refusal.insert(index, there[index])
    fresh, told = Router(file, there), Refusal(file, there)
    assert shapes(router._tls) == shapes(fresh._tls)
    assert shapes(router._tcp) == shapes(fresh._tcp)
    parents(router._tls)
    parents(router._tcp)
    for connection in connections:
        assert router.match(*connection) == fresh.match(*connection)
        assert router.explain(*connection) == fresh.explain(*connection)
        assert refusal.nearest(Seen(*connection)) == told.nearest(Seen(*connection))


@settings(max_examples=300, deadline=None)
@given(st.lists(CERTIFICATES, min_size=8, max_size=8), STEPS)
def test_a_changed_choice_is_one_that_was_built(certificates: list[Certificate], steps: list[tuple[int, bool]]) -> None:
    file, later = certificates[:FILE], dict(enumerate(certificates[FILE:], FILE))
    there: dict[int, Certificate] = {}
    choice = CertificateChoice(file)
    for step, _ in steps:
        index = FILE + step % len(later)
        if (known := there.pop(index, None)) is not None:
            choice.remove(index, known)
        else:
            there[index] = later[index]
            choice.insert(index, later[index])
    fresh = CertificateChoice(file, there)
    for name in ("a.b.test", "b.test", "x.test", "a.c", "a.x", "none", None):
        assert choice.choose(name) == fresh.choose(name)


def test_a_change_among_many_costs_what_it_touches() -> None:
    many = [
        route(
            snis=f"h{n}.example.test *.w{n}.test", sources=["10.0.0.0/8"], destinations=[f"10.{n >> 8}.{n & 255}.0/24"]
        )
        for n in range(20000)
    ]
    ends = [
        route("", "tcp", sources=["10.0.0.0/8"], destinations=[f"10.{n >> 8}.{n & 255}.0/24"]) for n in range(20000)
    ]
    router, one = Router([*many, *ends]), [many[7], ends[7], route(snis="h1.example.test")]
    times = []
    for turn in range(20):
        began = time.process_time()
        for number, each in enumerate(one):
            router.insert(100000 + number, each)
        for number, each in enumerate(one):
            router.remove(100000 + number, each)
        times.append(time.process_time() - began)
        assert turn < 20
    assert min(times) < 0.005
