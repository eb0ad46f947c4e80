"""The listening sockets: opened by the master, kept through every generation while their address stays configured.

A TCP address has one SO_REUSEPORT socket per worker slot, so that the kernel spreads connections without a lock. When
workers become fewer, the sockets of the slots that are gone cannot be closed (the connections in their accept queues
would be reset; nginx loses 8 to 16 of them per such reload), so workers that stay take them over. A unix socket and a
socket inherited from a service manager exist once and are shared by all slots.

While a program is replaced by a new one, two masters have the same sockets. What one of them adds to an address that
both listen on, the other gets too, so that whichever ends leaves no queue without an owner; and neither removes the
path of a unix socket that the other still uses.

A plan is what one generation listens on. What it adds is bound by `open` but listens only from `activate` on: while a
reload can still be refused, no client may end up in a queue that would have to be thrown away.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from socket import AF_INET6, AF_UNIX
from typing import Final

from ..shared.errors import StartError
from ..shared.model.address import Address
from ..shared.model.listen import Listen
from ..shared.model.stream import Configuration
from ..shared.model.where import NOWHERE
from .binding import Bound, adopt, bind, bind_again, bind_failed, listen
from .inherit import Inheritance, Inherited, Opener, bound_to

ADMIN_MODE: Final = 0o660
"""Of a unix socket of the Admin API: private keys can be read there."""
Key = tuple[Address, bool]
"""An address and whether it is UDP."""


@dataclass(slots=True)
class Plan:
    """What one generation listens on."""

    workers: int
    listens: dict[Key, Listen]
    metrics: dict[Key, Listen]
    admin: dict[Key, Listen] = field(default_factory=dict)
    """Of the Admin API; `ssl` says whether it is spoken to over TLS."""
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

    @property
    def own(self) -> dict[Key, Listen]:
        """What the master itself answers."""
        return {**self.metrics, **self.admin}

    def for_metrics(self) -> tuple[socket.socket, ...]:
        """The sockets of `metrics_listen`."""
        return tuple(self.sockets[key][0] for key in self.metrics)

    def for_admin(self) -> tuple[tuple[Listen, socket.socket], ...]:
        """The sockets of `admin_listen`."""
        return tuple((wanted, self.sockets[key][0]) for key, wanted in self.admin.items())


class Listeners:
    """Every listening socket of the master, by address."""

    def __init__(self, inheritance: Inheritance, notice: Callable[[str], object]) -> None:
        self._inheritance = inheritance
        self._notice = notice
        self._bound: dict[Key, Bound] = {}
        self._untuned: set[Key] = set()
        """Adopted, and without the options of our own configuration until it is in force."""
        self._added: list[socket.socket] = []
        self.elder = False
        """Whether the program that handed sockets to us still has them."""
        self.successor = False
        """Whether a newer program has all of our sockets."""

    def open(self, configuration: Configuration) -> Plan:
        """Bind what a configuration listens on and we do not yet; raises StartError after undoing what it did."""
        plan = plan_of(configuration)
        try:
            for key, wanted in plan.listens.items():
                self._provide(plan, key, wanted, plan.workers)
            for key, wanted in plan.own.items():
                self._provide(plan, key, wanted, 1)
            for bound, _ in plan.fresh:
                if bound.wanted.address.family == AF_UNIX and (bound.wanted.address, False) in plan.admin:
                    os.chmod(bound.wanted.address.host, ADMIN_MODE)
        except (StartError, OSError):
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
        self._added += [one for bound, one in plan.fresh if bound.opener is Opener.ELDER]
        plan.fresh.clear()
        for key in self._bound.keys() - plan.bound.keys():
            self._let_go(key, self._bound.pop(key))
        self._bound = dict(plan.bound)
        for key, wanted in (*plan.listens.items(), *plan.own.items()):
            bound = self._bound[key]
            if bound.wanted != wanted or key in self._untuned:
                bound.wanted = wanted
                for one in bound.sockets:
                    self._listen_anew(one, wanted)
        self._untuned.clear()

    def abandon(self, plan: Plan) -> None:
        """The plan was refused: what it added goes, what was there stays as it was."""
        for bound, one in plan.fresh:
            bound.sockets.remove(one)
            one.close()
            if not bound.sockets:
                bound.close()
        plan.fresh.clear()

    def unused(self) -> tuple[Address, ...]:
        """Sockets of the service manager that the configuration does not listen on."""
        return tuple(one.address for one in self._inheritance.left() if one.opener is Opener.MANAGER)

    def close(self) -> None:
        """Stop listening for good, and remove the paths of unix sockets."""
        for bound in self._bound.values():
            bound.close(keep_path=self.successor or (self.elder and bound.opener is Opener.ELDER))
        self._bound.clear()
        self._inheritance.close()

    # Two masters.

    def handover(self) -> tuple[list[socket.socket], list[socket.socket]]:
        """Everything that a new program is to have: what a Penstock opened, and what a service manager did."""
        left = self._inheritance.left()
        every = [(bound.opener, one) for bound in self._bound.values() for one in bound.sockets]
        every += [(one.opener, one.socket) for one in left]
        own = [one for opener, one in every if opener is not Opener.MANAGER]
        return own, [one for opener, one in every if opener is Opener.MANAGER]

    def take_added(self) -> list[socket.socket]:
        """What was added to the addresses of the old program since this was asked last."""
        added, self._added = self._added, []
        return added

    def share(self, sockets: list[socket.socket]) -> None:
        """Keep what the new program added to our addresses open, for the case that it ends before we do."""
        for one in sockets:
            address = bound_to(one)
            bound = self._bound.get((address, one.type == socket.SOCK_DGRAM)) if address is not None else None
            if bound is None:
                one.close()
            else:
                one.setblocking(False)
                bound.sockets.append(one)

    def outgrown(self, plan: Plan) -> bool:
        """Whether addresses have sockets by now that the plan has no workers for."""
        return any(plan.sockets[key] != tuple(bound.sockets) for key, bound in plan.bound.items())

    def elder_gone(self) -> None:
        """The old program has ended: what it left is ours, and what of it nobody listens on here is closed."""
        self.elder = False
        left = self._inheritance.left()
        self._inheritance = Inheritance(tuple(one for one in left if one.opener is Opener.MANAGER))
        for one in left:
            if one.opener is Opener.ELDER:
                adopt(Listen(one.address, NOWHERE, udp=one.udp), [one.socket], one.opener).close()

    def _let_go(self, key: Key, bound: Bound) -> None:
        if self.elder and bound.opener is Opener.ELDER:
            self._inheritance.give_back(Inherited(*key, "", one, Opener.ELDER) for one in bound.sockets)
        else:
            bound.close()

    def _provide(self, plan: Plan, key: Key, wanted: Listen, count: int) -> None:
        """Have at least `count` sockets on an address, or the one that there can be."""
        if key in plan.bound:
            raise StartError(f"{wanted.address} is both a listener of clients and one of the master", wanted.where)
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
        taken = self._inheritance.take(*key)
        if not taken:
            return None
        self._notice(f"using inherited socket for {wanted.address}")
        # Ours whatever becomes of the plan: it was open before we were.
        bound = self._bound[key] = adopt(wanted, [one.socket for one in taken], taken[0].opener)
        if bound.opener is Opener.ELDER:
            self._untuned.add(key)
        return bound

    def _bind(self, plan: Plan, wanted: Listen) -> Bound:
        own = (*self._bound.values(), *plan.bound.values())
        joins = any(overlap(bound.wanted, wanted) for bound in own if bound.spreads) or any(
            overlap(Listen(one.address, NOWHERE, udp=one.udp), wanted)
            for one in self._inheritance.left()
            if one.opener is Opener.ELDER
        )
        bound = bind(wanted, joins)
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
    admin = {(each.address, False): Listen(each.address, each.where, ssl=each.ssl) for each in main.admin.listens}
    for key in metrics.keys() & admin.keys():
        text = f'"{key[0]}" is both an address of metrics and one of the Admin API'
        raise StartError(text, admin[key].where)
    return Plan(main.worker_processes, listens, metrics, admin)


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
