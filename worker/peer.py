"""One address of an upstream as a worker sees it: its weight, its failures, its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..shared.model.address import Address
from ..shared.model.upstream import Peer

if TYPE_CHECKING:
    from .health import PeerHealth

SLIGHT: Final = 0.001
"""The least share of a peer that has just come back: something to divide by."""


class PeerState:
    """What the balancer knows of one address. Plain attributes: they are read for every session."""

    __slots__ = (
        "accessed",
        "address",
        "bit",
        "checked",
        "conns",
        "counters",
        "current_weight",
        "effective_weight",
        "fail_timeout",
        "fails",
        "family",
        "guarded",
        "health",
        "index",
        "max_conns",
        "max_fails",
        "peer",
        "slow_from",
        "slow_start",
        "sockaddr",
        "text",
        "time",
        "weight",
    )

    def __init__(self, peer: Peer, index: int, address: Address, bit: int, counters: int = 0) -> None:
        self.peer = peer
        self.index = index
        """The place of `peer` in its upstream; several states share it when the peer's name has several addresses."""
        self.address = address
        self.family = address.family
        self.sockaddr = address.sockaddr
        self.text = str(address)
        """nginx's text of the address, for logs and `$upstream_addr`."""
        self.bit = bit
        """This state's bit in the mask of those that a session has tried."""
        self.counters = counters
        """Where the counters of this upstream and peer start; whoever lays counters out sets it."""
        self.weight = peer.weight
        self.max_fails = peer.max_fails
        self.fail_timeout = peer.fail_timeout
        self.max_conns = peer.max_conns
        self.slow_start = peer.slow_start
        self.health: PeerHealth | None = None
        """What health checks say, where there are any."""
        self.guarded = self.max_conns > 0
        """Whether choosing the peer needs more than a look at its weight; spares most picks two tests and the clock."""
        self.begin()

    def begin(self) -> None:
        """A peer of which nothing is known yet."""
        self.effective_weight: float = self.weight
        """The weight in force: a failure lowers it, each later look at the peer raises it by one."""
        self.current_weight: float = 0
        self.fails = 0
        self.accessed = 0.0
        """When the last failure happened."""
        self.checked = 0.0
        """When the last failure happened, or the peer was last chosen after `fail_timeout` had passed."""
        self.conns = 0
        """Sessions that hold the peer: this worker's, or everybody's with `zone`."""
        self.slow_from = 0.0
        """When the peer came back and began to recover its weight (`slow_start`); 0 while it has it."""
        self.time = 0.0
        """The average time that the peer takes, for `least_time`; 0 while none is known."""

    def revise(self, peer: Peer, index: int) -> None:
        """Be the same address of another configuration: what is known of it holds, its share begins anew."""
        self.peer = peer
        self.index = index
        self.weight = peer.weight
        self.max_fails, self.fail_timeout = peer.max_fails, peer.fail_timeout
        self.max_conns, self.slow_start = peer.max_conns, peer.slow_start
        self.effective_weight = peer.weight
        self.current_weight = 0
        self.health = None
        self.guarded = self.max_conns > 0 or self.fails > 0

    def drop(self) -> None:
        """The peer's name does not have this address any more; sessions may still hold it."""

    def available(self, now: float) -> bool:
        """Whether neither health, failures nor `max_conns` keep sessions away from the peer."""
        if self.health is not None and self.health.ill:
            return False
        if self.max_fails and self.fails >= self.max_fails and now - self.checked <= self.fail_timeout:
            return False
        if self.slow_from:
            self._recover(now)
        return not self.max_conns or self.conns < self.max_conns

    @property
    def open_alone(self) -> bool:
        """The same for a peer that is alone in its upstream, whose failures keep nobody away."""
        if self.health is not None and self.health.ill:
            return False
        return not 0 < self.max_conns <= self.conns

    def chosen(self, now: float) -> None:
        """A peer with failures gets a session: after `fail_timeout` it is the one that tries it. Costs nothing to
        forget for a peer without: `checked` only matters while failures are counted."""
        if now - self.checked > self.fail_timeout:
            self.checked = now

    def failed(self, now: float) -> bool:
        """Count a failure; True when it is the one that takes the peer out of service."""
        self.fails += 1
        self.accessed = self.checked = now
        self.guarded = True
        if not self.max_fails:
            return False
        self.effective_weight = max(0, self.effective_weight - self.weight // self.max_fails)
        return self.fails >= self.max_fails

    def proved(self, now: float) -> None:
        """Forget the failures if this success came of a try made after `fail_timeout` had passed."""
        if self.fails and self.accessed < self.checked:
            if self.slow_start and 0 < self.max_fails <= self.fails:
                self.slow_from = now
                self.effective_weight = 0
            self.fails = 0
            self.guarded = self.max_conns > 0 or self.slow_from > 0 or self.health is not None

    def recover(self, now: float) -> None:
        """Health checks have put the peer back into service: it begins slowly if it is to."""
        if self.slow_start:
            self.slow_from = now
            self.effective_weight = 0
            self.guarded = True

    def _recover(self, now: float) -> None:
        """`slow_start`: a weight that grows from nothing to the peer's own, unless failures keep it lower."""
        passed = now - self.slow_from
        if passed < self.slow_start:
            share = self.weight * passed / self.slow_start
            self.effective_weight = min(self.effective_weight, share) if self.fails else share
            return
        self.slow_from = 0.0
        if not self.fails:
            self.effective_weight = self.weight
            self.guarded = self.max_conns > 0 or self.health is not None

    @property
    def share(self) -> float:
        """The weight against which its sessions are counted: its own, less while it recovers."""
        return max(self.effective_weight, SLIGHT) if self.slow_from else self.weight

    def __repr__(self) -> str:
        return f"<PeerState {self.text} fails={self.fails} conns={self.conns}>"
