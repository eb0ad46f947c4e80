"""The names of peers: who asks for their addresses, from when on, and until when.

A name of the file is asked for until there is an answer, or with `resolve` again and again. One of a record is always
asked for again, since nobody reloads: by `resolver` where there is one, else by the system's way every so often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from ..shared.model.address import Address, ipv4, ipv6
from ..shared.model.upstream import Resolver
from .names import Names
from .nameservers import NameServers
from .reresolve import Reresolver

if TYPE_CHECKING:
    from .balance import Balancer
    from .worker import Worker

AGAIN: Final = 30.0
"""Seconds for which the system's answer about a record's name holds."""


class Naming:
    """The questions of one worker."""

    def __init__(self, worker: Worker, changed: Callable[[Balancer], None]) -> None:
        self._worker = worker
        self._changed = changed
        self._waiting: dict[Balancer, None] | None = {}
        """Whose names are asked for when the worker begins; None once it has begun."""
        self._servers: dict[Resolver, NameServers] = {}
        self._system: Names | None = None
        self._tasks: dict[Balancer, list[asyncio.Task[None]]] = {}

    def begin(self) -> None:
        """Ask from now on."""
        waiting, self._waiting = self._waiting or {}, None
        for balancer in waiting:
            self.ask(balancer)

    def ask(self, balancer: Balancer) -> None:
        """Ask for the names among an upstream's peers."""
        if self._waiting is not None:
            self._waiting[balancer] = None
            return
        for index, peer in enumerate(balancer.upstream.peers):
            if peer.resolve and balancer.upstream.resolver is not None:
                self._start(balancer, self._keeper(balancer, index).run(), peer.host)
            elif peer.address is None and not peer.resolve:
                self._start(balancer, self._resolve(balancer, index), peer.host)

    def stop(self, balancer: Balancer) -> None:
        """Ask no more."""
        for task in self._tasks.pop(balancer, ()):
            task.cancel()

    def _keeper(self, balancer: Balancer, index: int) -> Reresolver:
        worker, resolver = self._worker, balancer.upstream.resolver
        assert resolver is not None
        asked = self._servers.setdefault(resolver, NameServers(resolver))
        keeper = Reresolver(balancer, index, asked, worker.birth.zones.found, self._changed, worker.log.error)
        keeper.recall()
        return keeper

    async def _resolve(self, balancer: Balancer, index: int) -> None:
        """Ask the system."""
        if self._system is None:
            self._system = Names(None, self._worker.loop)
        peer = balancer.upstream.peers[index]

        def report(reason: str, delay: float) -> None:
            self._worker.log.warn(f'{reason} in upstream "{balancer.upstream.name}", trying again in {delay:g}s')

        known: set[Address] = set()
        while True:
            found = await self._system.eventually(peer.host, report)
            addresses = [address_of(each, peer.port) for each in found]
            if known != set(addresses):
                known = set(addresses)
                balancer.set_addresses(index, addresses)
                self._changed(balancer)
                self._worker.log.notice(f'"{peer.host}" in upstream "{balancer.upstream.name}" is {", ".join(found)}')
            if not balancer.upstream.live:
                return
            await asyncio.sleep(AGAIN)

    def _start(self, balancer: Balancer, work: Coroutine[Any, Any, None], host: str) -> None:
        task = self._worker.loop.create_task(work, name=f"resolve {host}")
        self._worker.tasks.add(task)
        self._tasks.setdefault(balancer, []).append(task)
        task.add_done_callback(self._stopped)

    def _stopped(self, task: asyncio.Task[None]) -> None:
        """Everything is known, or the worker ends, or it was a bug."""
        self._worker.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._worker.crashed(error)


def address_of(host: str, port: int) -> Address:
    """A numeric host with a port."""
    return ipv6(host, port) if ip_address(host.partition("%")[0]).version == 6 else ipv4(host, port)
