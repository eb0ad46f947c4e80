"""Which route a connection takes.

Routes are sorted into tables by the kinds of condition that they have; the tables are asked in the order of
specificity (sources with destinations over SNI over sources over destinations, SNI with anything over SNI alone), and
the first that has a match decides. In a table, kind after kind narrows down what is left:

    {SNI}           name ─────────────────────────────> route
    {SNI, sources}  name ──> source ──────────────────> route
    {all three}     name ──> source ──> destination ──> route

so a look-up costs what the connection has (labels, prefix lengths in use), not what the configuration has. Among
several matches in a table the more specific source wins, then the more specific destination, then the more specific
name, then the older route. What counts is the entry that matched, not what else the route lists; of two prefixes the
longer is the more specific.

`tcp` routes have tables of their own, which TLS traffic meets after those of `tls` and `tls_passthrough`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from .conditions import (
    KINDS,
    SNIS,
    SOURCES,
    TLS_PROTOCOLS,
    Candidate,
    Seen,
    candidates,
    comparable,
    in_use,
    kinds_of,
    weight_of,
)
from .endpoint_table import EndpointTable, Key, key_of, number
from .hello import normal_name
from .model.stream import Route
from .name_table import NameTable
from .proxy_header import AddressPort

K = TypeVar("K")
Node = int | NameTable["Node"] | EndpointTable["Node"]
"""A route's index, or what the next kind of condition narrows down."""


class Router:
    """The compiled routes. Indices are places in the sequence given: older first."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = tuple(routes)
        live = [(index, route) for index, route in enumerate(routes) if in_use(route)]
        self._tls = _tables(routes, [index for index, route in live if not TLS_PROTOCOLS.isdisjoint(route.protocols)])
        self._tcp = _tables(routes, [index for index, route in live if "tcp" in route.protocols])

    def match(self, tls: bool, sni: str | None, source: AddressPort, destination: AddressPort) -> int | None:
        """The index of the route that this connection takes; None when it is to be refused.

        `sni` may be as sent. The addresses are texts without brackets; what is no IP address meets only conditions on
        its port. How the route is to be served follows from its protocols: `tls` ends TLS, anything else leaves the
        bytes alone.
        """
        if not tls:
            return _first(self._tcp, None, source, destination)
        name = comparable(sni)
        found = _first(self._tls, name, source, destination)
        return _first(self._tcp, name, source, destination) if found is None else found

    def explain(self, tls: bool, sni: str | None, source: AddressPort, destination: AddressPort) -> list[Candidate]:
        """Every route that matches, the winner first, with the reasons; reads all routes, so it is for people."""
        return candidates(self._routes, Seen(tls, sni, source, destination))


def _first(tables: Iterable[_Table], name: str | None, source: AddressPort, destination: AddressPort) -> int | None:
    for table in tables:
        found = table.best(name, source, destination)
        if found is not None:
            return found
    return None


class _Table:
    """The routes that have the same kinds of condition."""

    __slots__ = ("_kinds", "_names", "_root")

    def __init__(self, kinds: tuple[int, ...], root: Node) -> None:
        self._kinds = kinds
        self._root = root
        self._names = root if kinds == (SNIS,) and isinstance(root, NameTable) else None
        """The root of a table by name alone, where an exact hit settles it."""

    def best(self, name: str | None, source: AddressPort, destination: AddressPort) -> int | None:
        """The most specific, then oldest, route that matches."""
        if self._names is not None and name is not None:
            exact = self._names.exact(name)
            if isinstance(exact, int):
                return exact
        found: list[tuple[tuple[int, ...], Node]] = [((), self._root)]
        for kind in self._kinds:
            if kind == SNIS:
                found = _by_name(found, name)
            else:
                found = _by_endpoint(found, source if kind == SOURCES else destination)
        return -max([_specificity(self._kinds, ranks, node) for ranks, node in found])[-1] if found else None


def _by_name(found: list[tuple[tuple[int, ...], Node]], name: str | None) -> list[tuple[tuple[int, ...], Node]]:
    if name is None:
        return []
    return [
        ((*ranks, rank), value)
        for ranks, node in found
        if isinstance(node, NameTable)
        for rank, value in node.find(name)
    ]


def _by_endpoint(found: list[tuple[tuple[int, ...], Node]], end: AddressPort) -> list[tuple[tuple[int, ...], Node]]:
    ip, port = number(end[0]), end[1]
    return [
        ((*ranks, rank), value)
        for ranks, node in found
        if isinstance(node, EndpointTable)
        for rank, value in node.find(ip, port)
    ]


def _specificity(kinds: tuple[int, ...], ranks: tuple[int, ...], node: Node) -> tuple[int, ...]:
    """Source, destination, name, age: the name is asked first and counts last."""
    assert isinstance(node, int)
    return (*ranks[1:], ranks[0], -node) if kinds[:1] == (SNIS,) else (*ranks, -node)


def _tables(routes: Sequence[Route], members: Iterable[int]) -> tuple[_Table, ...]:
    """A table for each set of kinds in use, most specific first."""
    by_kinds: dict[int, list[int]] = {}
    for index in members:
        by_kinds.setdefault(kinds_of(routes[index]), []).append(index)
    build = _Build(routes)
    tables = []
    for kinds in sorted(by_kinds, key=weight_of, reverse=True):
        order = tuple([kind for kind in KINDS if kinds & kind])
        tables.append(_Table(order, build.node(order, tuple(by_kinds[kinds]))))
    return tuple(tables)


class _Build:
    """Builds the tables' nodes. Equal ones are made once: a route with many names has one node behind all of them."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        self._made: dict[tuple[tuple[int, ...], tuple[int, ...]], Node] = {}

    def node(self, kinds: tuple[int, ...], members: tuple[int, ...]) -> Node:
        """What narrows `members`, oldest first, down by the kinds of condition given."""
        if not kinds:
            return members[0]
        made = self._made.get((kinds, members))
        if made is None:
            if kinds[0] == SNIS:
                made = NameTable(self._grouped(kinds[1:], self._patterns(members)))
            else:
                made = EndpointTable(self._grouped(kinds[1:], self._keys(kinds[0], members)))
            self._made[kinds, members] = made
        return made

    def _grouped(self, rest: tuple[int, ...], keys: Iterable[tuple[K, int]]) -> dict[K, Node]:
        if not rest:
            oldest: dict[K, Node] = {}
            for key, index in keys:
                oldest.setdefault(key, index)
            return oldest
        groups: dict[K, list[int]] = {}
        for key, index in keys:
            groups.setdefault(key, []).append(index)
        return {key: self.node(rest, tuple(group)) for key, group in groups.items()}

    def _patterns(self, members: tuple[int, ...]) -> Iterable[tuple[str, int]]:
        for index in members:
            for pattern in self._routes[index].snis:
                yield normal_name(pattern), index

    def _keys(self, kind: int, members: tuple[int, ...]) -> Iterable[tuple[Key, int]]:
        for index in members:
            route = self._routes[index]
            for entry in route.sources if kind == SOURCES else route.destinations:
                yield key_of(entry), index
