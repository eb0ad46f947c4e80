"""The listening sockets: opened by the master, kept through every generation while their address stays configured.

A TCP address has one SO_REUSEPORT socket per worker slot, so that the kernel spreads connections without a lock. When
workers become fewer, the sockets of the slots that are gone cannot be closed (the connections in their accept queues
would be reset; nginx loses 8 to 16 of them per such reload), so workers that stay take them over. A unix socket and a
socket inherited from a service manager exist once and are shared by all slots.

A plan is what one generation listens on. What it adds is bound by `open` but listens only from `activate` on: while a
reload can still be refused, no client may end up in a queue that would have to be thrown away.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from socket import AF_INET6, AF_UNIX

from ..shared.errors import StartError
from ..shared.model.address import Address
from ..shared.model.listen import Listen
from ..shared.model.stream import Configuration
from ..shared.model.where import NOWHERE
from .binding import Bound, bind, bind_again, bind_failed, listen
from .inherit import Inheritance

Key = tuple[Address, bool]
"""An address and whether it is UDP."""


@dataclass(slots=True)
class Plan:
    """What one generation listens on."""

    workers: int
    listens: dict[Key, Listen]
    metrics: dict[Key, Listen]
    sockets: dict[Key, tuple[socket.socket, ...]] = field(default_factory=dict)
    bound: dict[Key, Bound] = field(default_factory=dict)
    fresh: list[tuple[Bound, socket.socket]] = field(default_factory=list)
    """What this plan added."""

    def for_slot(self, slot: int) -> tuple[tuple[Listen, socket.socket], ...]:
        """The sockets of one worker: its own, orphans, and those that are shared."""
        return tuple(
            (wanted, one)
            for key, wanted in self.listens.items()
            for one in share_of(slot, self.workers, self.sockets[key])
        )

    def for_metrics(self) -> tuple[socket.socket, ...]:
        """The sockets that the master itself answers."""
        return tuple(self.sockets[key][0] for key in self.metrics)


class Listeners:
    """Every listening socket of the master, by address."""

    def __init__(self, inheritance: Inheritance, notice: Callable[[str], object]) -> None:
        self._inheritance = inheritance
        self._notice = notice
        self._bound: dict[Key, Bound] = {}

    def open(self, configuration: Configuration) -> Plan:
        """Bind what a configuration listens on and we do not yet; raises StartError after undoing what it did."""
        plan = plan_of(configuration)
        try:
            for key, wanted in plan.listens.items():
                self._provide(plan, key, wanted, plan.workers)
            for key, wanted in plan.metrics.items():
                self._provide(plan, key, wanted, 1)
        except StartError:
            self.abandon(plan)
            raise
        plan.sockets = {key: tuple(bound.sockets) for key, bound in plan.bound.items()}
        return plan

    def activate(self, plan: Plan) -> None:
        """Let clients come to what the plan added; raises StartError, after which the plan is to be abandoned."""
        for bound, one in plan.fresh:
            try:
                listen(one, bound.wanted)
            except OSError as error:
                text = f"listen() to {bound.wanted.address} failed ({error.errno}: {error.strerror})"
                raise StartError(text, None if bound.wanted.where == NOWHERE else bound.wanted.where) from error

    def commit(self, plan: Plan) -> None:
        """The plan is in force: old sockets take its options, and addresses that it does not have are closed."""
        plan.fresh.clear()
        for key in self._bound.keys() - plan.bound.keys():
            self._bound.pop(key).close()
        self._bound = dict(plan.bound)
        for key, wanted in (*plan.listens.items(), *plan.metrics.items()):
            bound = self._bound[key]
            if bound.wanted != wanted:
                bound.wanted = wanted
                for one in bound.sockets:
                    self._listen_anew(one, wanted)

    def abandon(self, plan: Plan) -> None:
        """The plan was refused: what it added goes, what was there stays as it was."""
        for bound, one in plan.fresh:
            bound.sockets.remove(one)
            one.close()
            if not bound.sockets:
                bound.close()
        plan.fresh.clear()

    def unused(self) -> tuple[Address, ...]:
        """Inherited sockets that the configuration does not listen on."""
        return tuple(one.address for one in self._inheritance.left())

    def close(self) -> None:
        """Stop listening for good, and remove the paths of unix sockets."""
        for bound in self._bound.values():
            bound.close()
        self._bound.clear()
        self._inheritance.close()

    def _provide(self, plan: Plan, key: Key, wanted: Listen, count: int) -> None:
        """Have at least `count` sockets on an address, or the one that there can be."""
        if key in plan.bound:
            raise StartError(f"{wanted.address} is both a listener of clients and one of metrics", wanted.where)
        try:
            bound = self._bound.get(key) or self._inherited(key, wanted) or self._bind(plan, wanted)
            plan.bound[key] = bound
            while bound.spreads and len(bound.sockets) < count:
                one = bind_again(wanted)
                bound.sockets.append(one)
                plan.fresh.append((bound, one))
        except OSError as error:
            raise bind_failed(wanted, error) from error

    def _inherited(self, key: Key, wanted: Listen) -> Bound | None:
        sockets = self._inheritance.take(*key)
        if not sockets:
            return None
        self._notice(f"using inherited socket for {wanted.address}")
        # Ours whatever becomes of the plan: it was open before we were.
        bound = self._bound[key] = Bound(wanted, sockets, spreads=False)
        return bound

    def _bind(self, plan: Plan, wanted: Listen) -> Bound:
        own = (*self._bound.values(), *plan.bound.values())
        bound = bind(wanted, joins=any(overlap(bound.wanted, wanted) for bound in own if bound.spreads))
        plan.fresh.append((bound, bound.sockets[0]))
        return bound

    def _listen_anew(self, one: socket.socket, wanted: Listen) -> None:
        try:
            listen(one, wanted)
        except OSError as error:
            self._notice(f"listen() to {wanted.address} again failed ({error.errno}: {error.strerror})")


def share_of(slot: int, workers: int, sockets: tuple[socket.socket, ...]) -> tuple[socket.socket, ...]:
    """What the worker of a slot accepts from: every socket has somebody, and everybody has a socket."""
    if len(sockets) < workers:
        return (sockets[slot % len(sockets)],)
    return sockets[slot::workers]


def plan_of(configuration: Configuration) -> Plan:
    """The addresses of a configuration, each once, whatever number of servers share it."""
    listens: dict[Key, Listen] = {}
    for one in listens_of(configuration):
        listens.setdefault((one.address, one.udp), one)
    main = configuration.main
    places = zip(main.metrics_listen, chain(main.metrics_where, repeat(NOWHERE)), strict=False)
    metrics = {(address, False): Listen(address, where) for address, where in places}
    return Plan(main.worker_processes, listens, metrics)


def listens_of(configuration: Configuration) -> Iterator[Listen]:
    """Every `listen` and `stream_listen`."""
    for server in configuration.stream.servers:
        yield from server.listens
    yield from configuration.stream.gateway.listens


def overlap(one: Listen, other: Listen) -> bool:
    """Whether the kernel sees two addresses as competing: the same port, and one is the other's wildcard."""
    first, second = one.address, other.address
    if AF_UNIX in (first.family, second.family) or first.port != second.port or one.udp != other.udp:
        return False
    if not is_wildcard(first) and not is_wildcard(second):
        return False
    if first.family == second.family:
        return True
    wide = one if first.family == AF_INET6 else other
    return is_wildcard(wide.address) and not wide.ipv6only


def is_wildcard(address: Address) -> bool:
    """Whether an address stands for every address of its family."""
    return address.host in ("0.0.0.0", "::")
