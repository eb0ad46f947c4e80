"""Active health checks: the master asks every peer of every upstream that wants it, once for the whole node.

What it finds is written where all workers of all generations read it. Each peer has a task of its own; those whose
upstream did not change go on over a reload, and with them what is known. Peers that only workers know, the addresses of
names that are resolved while running, are found in the zone.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from ..shared.health_zone import NONE, HealthZone
from ..shared.model.address import Address, ipv4, ipv6, unix
from ..shared.model.health import Probe
from ..shared.model.upstream import Upstream
from .probe import TIMED_OUT, Prober

GONE: Final = 30
"""Seconds after which a peer that no worker tells of any more is gone: its name has other addresses."""
DISCOVER: Final = 1.0
"""Seconds between two looks for peers that workers have found."""
SPREAD: Final = 0.1
"""The share of an interval by which checks of many peers are kept from beating at the same time."""
Say = Callable[[str], object]


@dataclass(slots=True)
class Checked:
    """A peer that is asked, or only watched."""

    upstream: str
    address: Address
    record: int
    probe: Probe | None
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class HealthChecks:
    """See the module."""

    def __init__(self, loop: asyncio.AbstractEventLoop, warn: Say, notice: Say) -> None:
        self._loop = loop
        self._known: HealthZone | None = None
        self._warn = warn
        self._notice = notice
        self._upstreams: dict[str, Upstream] = {}
        self._checked: dict[tuple[str, str], Checked] = {}
        self._written: Mapping[tuple[str, str], object] = {}
        """Peers that need not be found."""
        self._discovery: asyncio.TimerHandle | None = None

    @property
    def _zone(self) -> HealthZone:
        assert self._known is not None
        return self._known

    def apply(self, zone: HealthZone | None, upstreams: Iterable[Upstream]) -> None:
        """From now on check these upstreams, and no others; the zone is made when a configuration wants the first."""
        self._known = self._known or zone
        if self._known is None:
            return
        self._upstreams = {upstream.name: upstream for upstream in upstreams if upstream.health is not None}
        self._written = wanted = dict(self._wanted())
        for key, checked in tuple(self._checked.items()):
            upstream = self._upstreams.get(checked.upstream)
            if key in wanted:
                continue
            gone = upstream is None or not self._found_by_workers(upstream)
            if gone or upstream is None or self._probe_of(upstream) != checked.probe:
                self._forget(key, gone)
        for key, (upstream, address) in wanted.items():
            self._check(key, upstream, address)
        if any(self._found_by_workers(upstream) for upstream in self._upstreams.values()):
            self._discover()

    def states(self) -> Mapping[tuple[str, str], bool]:
        """Whether peers are in service, by upstream and address."""
        return {key: not self._zone.ill(checked.record) for key, checked in self._checked.items()}

    def set(self, upstream: str, address: str, healthy: bool) -> bool:
        """Let a peer be healthy or not, by hand; False for one that is not known."""
        checked = self._checked.get((upstream, address))
        if checked is None:
            return False
        if self._zone.set(checked.record, ill=not healthy):
            state = "healthy" if healthy else "unhealthy"
            self._notice(f'peer {address} in upstream "{upstream}" was set to {state} by hand')
        return True

    def stop(self) -> None:
        """Ask nobody any more."""
        for key in tuple(self._checked):
            self._forget(key)
        if self._discovery is not None:
            self._discovery.cancel()
            self._discovery = None

    def _wanted(self) -> Iterable[tuple[tuple[str, str], tuple[Upstream, Address]]]:
        for upstream in self._upstreams.values():
            for peer in upstream.peers:
                if peer.address is not None and not peer.down:
                    yield (upstream.name, str(peer.address)), (upstream, peer.address)

    def _found_by_workers(self, upstream: Upstream) -> bool:
        return any(peer.resolve or peer.address is None for peer in upstream.peers)

    def _probe_of(self, upstream: Upstream) -> Probe | None:
        return upstream.health.probe if upstream.health is not None else None

    def _check(self, key: tuple[str, str], upstream: Upstream, address: Address) -> None:
        probe = self._probe_of(upstream)
        known = self._checked.get(key)
        if known is not None and known.probe == probe:
            return
        if known is not None:
            self._forget(key)
        record = self._zone.record(*key)
        if record == NONE:
            self._warn(f'no room to check the health of {key[1]} in upstream "{key[0]}"')
            return
        checked = self._checked[key] = Checked(upstream.name, address, record, probe)
        if probe is not None:
            checked.task = self._loop.create_task(self._watch(checked, Prober(probe)), name=f"check {key[1]}")

    def _forget(self, key: tuple[str, str], gone: bool = False) -> None:
        checked = self._checked.pop(key)
        if checked.task is not None:
            checked.task.cancel()
        self._zone.set(checked.record, ill=False)  # should it come back it is taken to be well, like any new peer
        if gone:
            self._zone.release(checked.record)

    def _discover(self) -> None:
        if self._discovery is not None:
            self._discovery.cancel()
        self._discovery = self._loop.call_later(DISCOVER, self._discover)
        oldest = int(time.monotonic()) - GONE
        for name, text, record in list(self._zone.peers()):
            key, upstream = (name, text), self._upstreams.get(name)
            if upstream is None or key in self._written:
                continue
            if 0 < self._zone.seen(record) < oldest:
                if key in self._checked:
                    self._forget(key)
                self._zone.release(record)
            elif key not in self._checked and (address := address_of(text)) is not None:
                self._check(key, upstream, address)

    async def _watch(self, checked: Checked, prober: Prober) -> None:
        """Ask again and again; never ends by itself."""
        probe = prober.probe
        good = failures = timeouts = 0
        before = False
        await asyncio.sleep(random.random() * min(probe.interval or probe.ill_interval, 1.0) * SPREAD)
        while True:
            ill = self._zone.ill(checked.record)
            if ill is not before:  # also when sessions found it out
                before, good, failures, timeouts = ill, 0, 0, 0
            interval = probe.ill_interval if ill else probe.interval
            if not interval:
                await asyncio.sleep(DISCOVER)  # the state may change by other hands
                continue
            problem = await prober.ask(checked.address)
            if not problem:
                good, failures, timeouts = good + 1, 0, 0
                if ill and good >= probe.rise:
                    self._recovered(checked, good)
            else:
                good = 0
                if problem == TIMED_OUT and probe.timeout_fall:
                    timeouts += 1
                else:
                    failures += 1
                if not ill and (failures >= probe.fall > 0 or timeouts >= probe.timeout_fall > 0):
                    self._failed(checked, max(failures, timeouts), problem)
            await asyncio.sleep(interval * (1 - SPREAD * random.random()))

    def _failed(self, checked: Checked, times: int, problem: str) -> None:
        if self._zone.set(checked.record, ill=True):
            count = "once" if times == 1 else f"{times} times in a row"
            self._warn(
                f'health check of {checked.address} in upstream "{checked.upstream}" failed {count}: {problem};'
                " it gets no more sessions"
            )

    def _recovered(self, checked: Checked, times: int) -> None:
        if self._zone.set(checked.record, ill=False):
            count = "once" if times == 1 else f"{times} times in a row"
            self._notice(
                f'health check of {checked.address} in upstream "{checked.upstream}" succeeded {count};'
                " it gets sessions again"
            )


def address_of(text: str) -> Address | None:
    """An address out of nginx's text of it."""
    if text.startswith("unix:"):
        return unix(text[5:])
    host, _, port = text.rpartition(":")
    try:
        parsed = ip_address(host.strip("[]").partition("%")[0])
        return ipv6(host.strip("[]"), int(port)) if parsed.version == 6 else ipv4(host, int(port))
    except ValueError:
        return None
