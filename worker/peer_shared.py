"""A peer whose state is everybody's: `zone` puts it into memory that the workers share.

The balancers do not know: the attributes of `PeerState` become properties over the zone's cells. Whoever changes them
holds the zone's lock, which is the business of `SharedMixin`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ..shared.model.address import Address
from ..shared.model.upstream import Peer
from ..shared.peer_zone import (
    ACCESSED,
    CHECKED,
    CURRENT,
    EFFECTIVE,
    FAILS,
    KNOWN,
    NONE,
    NUMBERS,
    SLOW_FROM,
    TIME,
    PeerZone,
)
from ..shared.view import SessionView, Try
from .balance import Balancer
from .peer import PeerState


def number(place: int) -> property:
    """An attribute that is a number of the record."""

    def read(state: SharedPeerState) -> float:
        value: float = state.zone.numbers[state.first + place]
        return value

    def write(state: SharedPeerState, value: float) -> None:
        state.zone.numbers[state.first + place] = value

    return property(read, write)


class SharedPeerState(PeerState):
    """See the module."""

    __slots__ = ("first", "mine", "record", "zone")

    fails = number(FAILS)
    accessed = number(ACCESSED)
    checked = number(CHECKED)
    effective_weight = number(EFFECTIVE)
    current_weight = number(CURRENT)
    slow_from = number(SLOW_FROM)
    time = number(TIME)

    def __init__(
        self, zone: PeerZone, record: int, slot: int, peer: Peer, index: int, address: Address, bit: int, counters: int
    ) -> None:
        self.zone = zone
        self.record = record
        self.first = record * NUMBERS
        self.mine = record * zone.slots + slot
        """The counter of this worker's own sessions."""
        super().__init__(peer, index, address, bit, counters)

    def begin(self) -> None:
        """The first worker to know a peer begins its record; what a worker born later finds is what is known."""
        numbers = self.zone.numbers
        if numbers[self.first + KNOWN]:
            numbers[self.first + EFFECTIVE] = min(numbers[self.first + EFFECTIVE], self.weight)
            return
        for place in (FAILS, ACCESSED, CHECKED, CURRENT, SLOW_FROM, TIME):
            numbers[self.first + place] = 0.0
        numbers[self.first + EFFECTIVE] = self.weight
        numbers[self.first + KNOWN] = 1.0

    def drop(self) -> None:
        if not self.zone.conns[self.mine]:  # else the record stays with those sessions, and is not used again
            self.zone.release(self.record, self.mine - self.record * self.zone.slots)

    @property
    def guarded(self) -> bool:
        """Always: what made a look necessary may have happened to another worker."""
        return True

    @guarded.setter
    def guarded(self, value: bool) -> None:
        del value

    @property
    def conns(self) -> int:
        """The sessions of all workers."""
        return self.zone.total(self.record)

    @conns.setter
    def conns(self, value: int) -> None:
        self.zone.conns[self.mine] += value - self.zone.total(self.record)


class SharedMixin(Balancer):
    """Put before a balancer, makes it choose under the zone's lock, among peers whose state is shared."""

    __slots__ = ()

    def pick(self, tried: int = 0, session: SessionView | None = None) -> PeerState | None:
        with self._lock:
            return super().pick(tried, session)

    def connected(self, state: PeerState) -> None:
        with self._lock:
            super().connected(state)

    def free(self, state: PeerState, failed: bool, now: float) -> bool:
        with self._lock:
            return super().free(state, failed, now)

    def timed(self, state: PeerState, attempt: Try) -> None:
        with self._lock:
            super().timed(state, attempt)


@cache
def shared(kind: type[Balancer]) -> type[Balancer]:
    """A kind of balancer for upstreams with a `zone`."""
    return type(f"Shared{kind.__name__}", (SharedMixin, kind), {"__slots__": ()})


def state_maker(zone: PeerZone, slot: int, upstream: str) -> Callable[[Peer, int, Address, int, int], PeerState]:
    """Makes the states of an upstream's peers; one that the zone has no room for is the worker's own."""

    def make(peer: Peer, index: int, address: Address, bit: int, counters: int) -> PeerState:
        with zone.lock:
            record = zone.record(f"{upstream}\0{index}\0{address}", slot)
            if record == NONE:
                return PeerState(peer, index, address, bit, counters)
            return SharedPeerState(zone, record, slot, peer, index, address, bit, counters)

    return make
