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

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from .branch import add, drop
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
Limb = NameTable[Node] | EndpointTable[Node]
Tables = tuple["Table", ...]


class Router:
    """The compiled routes. Of equal ones that of the lower index counts: it is the older.

    Indices are places in the sequence given; `more`, and what comes later, brings its own, which are greater.
    """

    def __init__(self, routes: Sequence[Route], more: Mapping[int, Route] | None = None) -> None:
        self._routes = dict(enumerate(routes))
        self._routes.update(sorted((more or {}).items()))
        live = [(index, route) for index, route in self._routes.items() if in_use(route)]
        tls = [index for index, route in live if not TLS_PROTOCOLS.isdisjoint(route.protocols)]
        self._tls = _tables(self._routes, tls)
        self._tcp = _tables(self._routes, [index for index, route in live if "tcp" in route.protocols])

    @property
    def takes_plain(self) -> bool:
        """Whether any route takes plain traffic."""
        return bool(self._tcp)

    def prepare(self) -> None:
        """Count now what the first change would count."""
        for table in (*self._tls, *self._tcp):
            if table.kinds and isinstance(table.branch, EndpointTable):
                table.branch.tally()

    def insert(self, index: int, route: Route) -> None:
        """Let one more route take part, at the cost of the nodes that it is in."""
        self._routes[index] = route
        self._change(route, lambda tables: inserted(tables, index, route))

    def remove(self, index: int, route: Route) -> None:
        """Take one out, as it was inserted."""
        del self._routes[index]
        self._change(route, lambda tables: removed(tables, index, route))

    def _change(self, route: Route, change: Callable[[Tables], Tables]) -> None:
        if not in_use(route):
            return
        if not TLS_PROTOCOLS.isdisjoint(route.protocols):
            self._tls = change(self._tls)
        if "tcp" in route.protocols:
            self._tcp = change(self._tcp)

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
        indices = sorted(self._routes)
        found = candidates([self._routes[index] for index in indices], Seen(tls, sni, source, destination))
        return [replace(each, index=indices[each.index]) for each in found]


def _first(tables: Iterable[Table], name: str | None, source: AddressPort, destination: AddressPort) -> int | None:
    for table in tables:
        found = table.best(name, source, destination)
        if found is not None:
            return found
    return None


class Table:
    """The routes that have the same kinds of condition."""

    __slots__ = ("_kinds", "_names", "_root", "everywhere")

    def __init__(self, kinds: tuple[int, ...], root: Node, everywhere: list[int]) -> None:
        self._kinds = kinds
        self._root = root
        self._names = root if kinds == (SNIS,) and isinstance(root, NameTable) else None
        """The root of a table by name alone, where an exact hit settles it."""
        self.everywhere = everywhere
        """The routes of a table without conditions, the oldest first; its root is the first."""

    @property
    def kinds(self) -> tuple[int, ...]:
        """The kinds of condition."""
        return self._kinds

    @property
    def branch(self) -> Limb:
        """The root of a table with conditions."""
        assert not isinstance(self._root, int)
        return self._root

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


def _tables(routes: Mapping[int, Route], members: Iterable[int]) -> Tables:
    """A table for each set of kinds in use, most specific first."""
    by_kinds: dict[int, list[int]] = {}
    for index in members:
        by_kinds.setdefault(kinds_of(routes[index]), []).append(index)
    build = Build(routes)
    return tuple(
        [build.table(kinds, by_kinds[kinds]) for kinds in sorted(by_kinds, key=weight_of, reverse=True)],
    )


def in_order(kinds: int) -> tuple[int, ...]:
    """The kinds of a set, as they are asked."""
    return tuple([kind for kind in KINDS if kinds & kind])


class Build:
    """Builds the tables' nodes. Equal ones are made once: a route with many names has one node behind all of them."""

    def __init__(self, routes: Mapping[int, Route]) -> None:
        self._routes = routes
        self._made: dict[tuple[tuple[int, ...], tuple[int, ...]], Limb] = {}

    def table(self, kinds: int, members: list[int]) -> Table:
        """The table of routes that have these kinds of condition, oldest first."""
        order = in_order(kinds)
        if not order:
            return Table(order, members[0], members)
        return Table(order, self.node(order, tuple(members)), [])

    def node(self, kinds: tuple[int, ...], members: tuple[int, ...]) -> Limb:
        """What narrows `members`, oldest first, down by the kinds of condition given."""
        made = self._made.get((kinds, members))
        if made is not None:
            made.parents += 1
            return made
        if kinds[0] == SNIS:
            made = NameTable(*self._grouped(kinds[1:], self._patterns(members)))
        else:
            made = EndpointTable(*self._grouped(kinds[1:], self._keys(kinds[0], members)))
        self._made[kinds, members] = made
        return made

    def _grouped(
        self, rest: tuple[int, ...], keys: Iterable[tuple[K, int]]
    ) -> tuple[dict[K, Node], dict[K, list[int]] | None]:
        """Values by key, and all routes of the keys that have several."""
        if not rest:
            oldest: dict[K, Node] = {}
            more: dict[K, list[int]] = {}
            for key, index in keys:
                first = oldest.setdefault(key, index)
                if first != index:
                    assert isinstance(first, int)
                    same = more.setdefault(key, [first])
                    if same[-1] != index:
                        same.append(index)
            return oldest, more or None
        groups: dict[K, list[int]] = {}
        for key, index in keys:
            group = groups.setdefault(key, [])
            if not group or group[-1] != index:
                group.append(index)
        return {key: self.node(rest, tuple(group)) for key, group in groups.items()}, None

    def _patterns(self, members: tuple[int, ...]) -> Iterable[tuple[str, int]]:
        for index in members:
            for pattern in self._routes[index].snis:
                yield normal_name(pattern), index

    def _keys(self, kind: int, members: tuple[int, ...]) -> Iterable[tuple[Key, int]]:
        for index in members:
            route = self._routes[index]
            for entry in route.sources if kind == SOURCES else route.destinations:
                yield key_of(entry), index


def inserted(tables: Tables, index: int, route: Route) -> Tables:
    """The tables with one route more; they are changed where they can be."""
    kinds = kinds_of(route)
    table = next((table for table in tables if table.kinds == in_order(kinds)), None)
    if table is None:
        fresh = Build({index: route}).table(kinds, [index])
        return tuple(sorted((*tables, fresh), key=lambda table: weight_of(sum(table.kinds)), reverse=True))
    if kinds:
        insert(table.branch, table.kinds, index, route)
        return tables
    insort(table.everywhere, index)
    return tuple([Table((), each.everywhere[0], each.everywhere) if each is table else each for each in tables])


def removed(tables: Tables, index: int, route: Route) -> Tables:
    """The tables without a route; they are changed where they can be."""
    table = next(table for table in tables if table.kinds == in_order(kinds_of(route)))
    if table.kinds:
        remove(table.branch, table.kinds, index, route)
        left = bool(len(table.branch))
        return tables if left else tuple([each for each in tables if each is not table])
    table.everywhere.remove(index)
    others = [each for each in tables if each is not table]
    return (*others, Table((), table.everywhere[0], table.everywhere)) if table.everywhere else tuple(others)


def insert(branch: Any, kinds: tuple[int, ...], index: int, route: Route) -> None:
    """Let a route be found through a branch, which hangs on nothing else that must not find it."""
    if len(kinds) == 1:
        for key in keys_of(kinds[0], route):
            add(branch, key, index)
        return
    for below, keys in children(branch, kinds[0], route):
        if below is None:
            change = Build({index: route}).node(kinds[1:], (index,))
            change.parents = len(keys)
        else:
            change = own(below, len(keys))
            insert(change, kinds[1:], index, route)
        if change is not below:
            for key in keys:
                branch.put(key, change)


def remove(branch: Any, kinds: tuple[int, ...], index: int, route: Route) -> None:
    """Let a route be found no more through a branch, which hangs on nothing else that must find it."""
    if len(kinds) == 1:
        for key in keys_of(kinds[0], route):
            drop(branch, key, index)
        return
    for below, keys in children(branch, kinds[0], route):
        change = own(below, len(keys))
        remove(change, kinds[1:], index, route)
        for key in keys:
            if not len(change):
                branch.take(key)
            elif change is not below:
                branch.put(key, change)


def keys_of(kind: int, route: Route) -> Iterable[Any]:
    """What a route is found by, each once."""
    if kind == SNIS:
        return dict.fromkeys([normal_name(pattern) for pattern in route.snis])
    entries = route.sources if kind == SOURCES else route.destinations
    return dict.fromkeys([key_of(entry) for entry in entries])


def children(branch: Any, kind: int, route: Route) -> Iterable[tuple[Any, list[Any]]]:
    """What hangs on a branch where a route is found, each once, with the keys that it hangs on there."""
    found: dict[int, tuple[Any, list[Any]]] = {}
    for key in keys_of(kind, route):
        below = branch.get(key)
        found.setdefault(id(below), (below, []))[1].append(key)
    return found.values()


def own(branch: Any, keys: int) -> Any:
    """The branch itself if it hangs on so many keys alone, else a copy for them."""
    if branch.parents == keys:
        return branch
    branch.parents -= keys
    made = branch.copy()
    made.parents = keys
    return made
