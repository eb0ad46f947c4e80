"""Which peer of an upstream gets the next session: nginx's smooth weighted round robin.

Every peer available gains its weight, the richest is chosen and pays what all of them gained; with weights
5, 1, 1 that gives `a a b a c a a`. A peer that has failed `max_fails` times is left alone for `fail_timeout`,
then tried with one session at a time until one succeeds. Backup peers serve only while no primary can.
A peer that is alone in its upstream is never marked as failed, since there is nowhere else to go.

The state is the worker's own, as in nginx without `zone`: what one worker learns the others find out themselves. With
`zone` it lives elsewhere (see `peer_shared`), and nothing changes here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from ..shared.model.address import Address
from ..shared.model.upstream import Peer, Upstream
from ..shared.view import SessionView, Try
from ..shared.zones import UNSHARED, Lock
from .peer import PeerState

MakeState = Callable[[Peer, int, Address, int, int], PeerState]


@dataclass(frozen=True, slots=True)
class Home:
    """Where the state of peers is kept."""

    make: MakeState = PeerState
    lock: Lock = UNSHARED


PRIVATE: Final = Home()
"""In the worker's own memory."""


class Balancer:
    """The peers of one upstream, chosen in turn; the methods beside round robin choose in their own way."""

    timing: ClassVar[bool] = False
    """Whether `timed` wants to hear how long sessions take."""

    __slots__ = ("_backups", "_clock", "_lock", "_make", "_primaries", "_single", "states", "tries", "upstream")

    def __init__(self, upstream: Upstream, clock: Callable[[], float], home: Home = PRIVATE) -> None:
        self.upstream = upstream
        self._make = home.make
        self._lock = home.lock
        self._clock = clock
        self.states: tuple[PeerState, ...] = ()
        """Every address known, in the order of the configuration."""
        self.tries = 0
        """How many peers one session may try, before `proxy_next_upstream_tries` (nginx: those not `down`)."""
        self._primaries: tuple[PeerState, ...] = ()
        self._backups: tuple[PeerState, ...] = ()
        self._single: PeerState | None = None
        states: list[PeerState] = []
        for index, peer in enumerate(upstream.peers):
            if peer.address is not None:
                states.append(self._make(peer, index, peer.address, 1 << len(states), 0))
        self._arrange(states)

    def pick(self, tried: int = 0, session: SessionView | None = None) -> PeerState | None:
        """The peer for the next try, now holding one session more; None when none is live.

        `tried` is the sum of the `bit`s of the peers that this session has tried before.
        """
        del session  # whose it is plays no part in taking turns
        state = self._single
        if state is None:
            state = self._richest(self._primaries, tried)
            if state is None:
                state = self._richest(self._backups, tried)
                if state is None:
                    return None
        elif tried & state.bit or state.peer.down or (state.guarded and not state.open_alone):
            return None
        state.conns += 1
        return state

    def connected(self, state: PeerState) -> None:
        """The peer accepted a connection: it lives, however the session ends."""
        if state.fails:
            state.proved(self._clock())

    def free(self, state: PeerState, failed: bool, now: float) -> bool:
        """The session is done with the peer.

        True when this failure took the peer out of service (nginx warns "upstream server temporarily disabled").
        """
        state.conns -= 1
        if not failed:
            if state.fails:
                state.proved(now)
            return False
        return state is not self._single and state.failed(now)

    def timed(self, state: PeerState, attempt: Try) -> None:
        """A try began, or one of its times became known, or it is over; called only with `timing`."""

    def unresolved(self) -> tuple[int, ...]:
        """The indexes of peers whose name has no address yet; to be resolved and given to `set_addresses`."""
        known = {state.index for state in self.states}
        return tuple(i for i, peer in enumerate(self.upstream.peers) if i not in known and not peer.resolve)

    def set_addresses(self, index: int, addresses: Sequence[Address]) -> None:
        """Let the peer at `index` have these addresses; one that it had already keeps its state and its sessions."""
        peer = self.upstream.peers[index]
        self.set_peers(index, [(peer, address) for address in addresses])

    def set_peers(self, index: int, found: Iterable[tuple[Peer, Address]]) -> None:
        """The same where the addresses are no longer peers of one name, weight and rank (SRV records)."""
        old = {(state.peer, state.address): state for state in self.states if state.index == index}
        others = [state for state in self.states if state.index != index]
        counters = next((state.counters for state in old.values()), 0)
        used = sum(state.bit for state in self.states)
        for peer, address in dict.fromkeys(found):
            state = old.get((peer, address))
            if state is None:
                bit = ~used & (used + 1)  # the lowest bit not in use
                used |= bit
                state = self._make(peer, index, address, bit, counters)
            others.append(state)
        for state in old.values():
            if state not in others:
                state.drop()
        self._arrange(others)

    def become(self, upstream: Upstream) -> None:
        """Have the peers of another form of the upstream, of the same method; those that stay keep their state."""
        known = {(state.peer.name, state.address): state for state in self.states}
        kept: list[PeerState] = []
        for index, peer in enumerate(upstream.peers):
            if peer.address is None:
                same = [state for (name, _), state in known.items() if name == peer.name]
            else:
                found = known.get((peer.name, peer.address))
                same = [found] if found is not None else []
            for state in same:
                del known[state.peer.name, state.address]
                state.revise(peer, index)
            kept += same
        for state in known.values():
            state.drop()
        self.upstream = upstream
        used = sum(state.bit for state in kept)
        there = {state.index for state in kept}
        for index, peer in enumerate(upstream.peers):
            if peer.address is not None and index not in there:
                bit = ~used & (used + 1)
                used |= bit
                kept.append(self._make(peer, index, peer.address, bit, 0))
        self._arrange(kept)

    def _arrange(self, states: Iterable[PeerState]) -> None:
        self.states = tuple(sorted(states, key=lambda state: state.index))
        live = [state for state in self.states if not state.peer.down]
        self._primaries = tuple(state for state in live if not state.peer.backup)
        self._backups = tuple(state for state in live if state.peer.backup)
        # nginx calls an upstream single by its servers, whether they are down or not
        alone = len(self.states) == 1 and len(self.upstream.peers) == 1
        self._single = self.states[0] if alone else None
        self.tries = 1 if alone else len(live)

    def _richest(self, states: tuple[PeerState, ...], tried: int) -> PeerState | None:
        best = None
        total: float = 0
        high: float = 0
        now = -1.0
        for state in states:
            if tried and tried & state.bit:
                continue
            if state.guarded:
                if now < 0.0:
                    now = self._clock()
                if not state.available(now):
                    continue
            weight = state.effective_weight
            total += weight
            state.current_weight = gained = state.current_weight + weight
            if weight < state.weight:
                state.effective_weight = weight + 1
            if best is None or gained > high:
                best = state
                high = gained
        if best is None:
            return None
        best.current_weight = high - total
        if best.fails:
            best.chosen(now)
        return best
