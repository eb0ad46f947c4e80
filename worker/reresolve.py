"""`server NAME resolve`: asks for the name again and again, and lets the balancer have what is found.

The next question comes when the answer's TTL is over (or `valid=`). nginx's rules for what goes wrong: a name that does
not exist has no peers, and is asked for again after a while; any other failure leaves the peers as they are and is
tried again soon. With `service=` the name's SRV records give the peers: those of the best priority are the primaries,
the others backups; a record's weight counts where `weight=` is not written.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from ..shared.found_memory import FoundMemory
from ..shared.model.address import Address, ipv4, ipv6
from ..shared.model.upstream import Peer, Upstream
from .names import delays
from .nameservers import NameServers, Unresolved

if TYPE_CHECKING:
    from .balance import Balancer

SHORTEST: Final = 1.0
"""Seconds between two questions at least, whatever the TTL."""
ABSENT_FOR: Final = 10.0
"""Seconds for which a name is taken not to exist (nginx)."""

Peers = list[tuple[Peer, Address]]


class Found(NamedTuple):
    """An answer."""

    peers: Peers
    ttl: float


class Reresolver:
    """Keeps one `server` line of one balancer up to date."""

    def __init__(
        self,
        balancer: Balancer,
        index: int,
        servers: NameServers,
        memory: FoundMemory | None,
        changed: Callable[[Balancer], None],
        complain: Callable[[str], None],
    ) -> None:
        """`changed` hears of every new set; `complain` gets a sentence for every failure."""
        self._balancer = balancer
        self._index = index
        self._servers = servers
        self._memory = memory
        self._changed = changed
        self._complain = complain
        self._peer = balancer.upstream.peers[index]
        self._name = name_in_memory(balancer.upstream, self._peer)
        self._last: Peers | None = None

    def recall(self) -> None:
        """Begin with what is known from before."""
        text = self._memory.recall(self._name) if self._memory is not None else None
        if text is not None:
            self._take([entry(self._peer, fields) for fields in json.loads(text)])

    async def run(self) -> None:
        """Ask for ever."""
        resolver = self._balancer.upstream.resolver
        assert resolver is not None
        while True:
            for delay in delays(SHORTEST, max(SHORTEST, resolver.timeout)):
                try:
                    found = await find(self._servers, self._peer)
                    break
                except Unresolved as error:
                    self._complain(f"{asked_name(self._peer)} could not be resolved ({error})")
                    if error.absent:
                        found = Found([], ABSENT_FOR if resolver.valid is None else resolver.valid)
                        break
                await asyncio.sleep(delay)
            self._take(found.peers)
            self._keep(found.peers)
            await asyncio.sleep(max(found.ttl, SHORTEST))

    def _take(self, peers: Peers) -> None:
        peers = sorted(peers, key=lambda each: (each[0].backup, each[0].name, str(each[1])))
        if peers != self._last:
            self._last = peers
            self._balancer.set_peers(self._index, peers)
            self._changed(self._balancer)

    def _keep(self, peers: Peers) -> None:
        if self._memory is not None:
            fields = [[p.name, p.weight, p.backup, a.host, a.port] for p, a in peers]
            self._memory.keep(self._name, json.dumps(fields))


def name_in_memory(upstream: Upstream, peer: Peer) -> str:
    """What an answer is kept under: everything that it depends on."""
    return f"{upstream.name} {upstream.resolver} {peer.name} {peer.service} {peer.weight} {peer.backup}"


def entry(peer: Peer, fields: list[object]) -> tuple[Peer, Address]:
    """A peer out of the memory."""
    name, weight, backup, host, port = fields
    assert isinstance(name, str)
    assert isinstance(weight, int)
    assert isinstance(host, str)
    assert isinstance(port, int)
    return replace(peer, name=name, weight=weight, backup=bool(backup)), numeric(host, port)


async def find(servers: NameServers, peer: Peer) -> Found:
    """The peers that a name has now; raises Unresolved."""
    if peer.service is None:
        answer = await servers.addresses(peer.host)
        return Found([(peer, numeric(host, peer.port)) for host in answer.addresses], answer.ttl)
    services = await servers.services(asked_name(peer))
    best = min(target.priority for target in services.targets)
    wanted = [target for target in services.targets if not peer.backup or target.priority == best]
    answers = await asyncio.gather(*(servers.addresses(target.host) for target in wanted), return_exceptions=True)
    peers: Peers = []
    ttl, problem = services.ttl, Unresolved("")
    for target, got in zip(wanted, answers, strict=True):
        if isinstance(got, Unresolved):
            problem = got
            continue
        if isinstance(got, BaseException):
            raise got
        ttl = min(ttl, got.ttl)
        made = replace(
            peer,
            name=f"{target.host}:{target.port}",
            weight=peer.weight if peer.weight > 1 else max(target.weight, 1),
            backup=peer.backup or target.priority != best,
        )
        peers += [(made, numeric(host, target.port)) for host in got.addresses]
    if not peers:
        raise problem
    return Found(peers, ttl)


def asked_name(peer: Peer) -> str:
    """The name that is asked for: nginx joins a service with dots as it is, and takes one without for `_name._tcp`."""
    if peer.service is None:
        return peer.host
    return f"{peer.service}.{peer.host}" if "." in peer.service else f"_{peer.service}._tcp.{peer.host}"


def numeric(host: str, port: int) -> Address:
    """A numeric host with a port."""
    return ipv6(host, port) if ":" in host else ipv4(host, port)
