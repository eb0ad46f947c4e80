"""One address of an upstream as a worker sees it: its weight, its failures, its sessions."""

from __future__ import annotations

from ..shared.model.address import Address
from ..shared.model.upstream import Peer


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
        "index",
        "max_conns",
        "max_fails",
        "peer",
        "sockaddr",
        "text",
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
        self.effective_weight = peer.weight
        """The weight in force: a failure lowers it, each later look at the peer raises it by one."""
        self.current_weight = 0
        self.max_fails = peer.max_fails
        self.fail_timeout = peer.fail_timeout
        self.max_conns = peer.max_conns
        self.fails = 0
        self.accessed = 0.0
        """When the last failure happened."""
        self.checked = 0.0
        """When the last failure happened, or the peer was last chosen after `fail_timeout` had passed."""
        self.conns = 0
        """Sessions of this worker that hold the peer."""
        self.guarded = self.max_conns > 0
        """Whether choosing the peer needs more than a look at its weight; spares most picks two tests and the clock."""

    def available(self, now: float) -> bool:
        """Whether neither failures nor `max_conns` keep sessions away from the peer."""
        if self.max_fails and self.fails >= self.max_fails and now - self.checked <= self.fail_timeout:
            return False
        return not self.max_conns or self.conns < self.max_conns

    def failed(self, now: float) -> bool:
        """Count a failure; True when it is the one that takes the peer out of service."""
        self.fails += 1
        self.accessed = self.checked = now
        self.guarded = True
        if not self.max_fails:
            return False
        self.effective_weight = max(0, self.effective_weight - self.weight // self.max_fails)
        return self.fails >= self.max_fails

    def proved(self) -> None:
        """Forget the failures if this success came of a try made after `fail_timeout` had passed."""
        if self.fails and self.accessed < self.checked:
            self.fails = 0
            self.guarded = self.max_conns > 0

    def __repr__(self) -> str:
        return f"<PeerState {self.text} fails={self.fails} conns={self.conns}>"
