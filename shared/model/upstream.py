"""Upstreams and their peers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..template import Template
from .address import Address
from .health import HealthCheck
from .where import NOWHERE, Where


@dataclass(frozen=True, slots=True)
class Resolver:
    """`resolver`: name servers with what is asked of them."""

    servers: tuple[Address, ...]
    valid: float | None = None
    """Seconds that replace an answer's TTL."""
    ipv4: bool = True
    ipv6: bool = True
    timeout: float = 30.0
    """`resolver_timeout`, seconds."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One `server` line of an upstream, already one address; a name with several gives several peers."""

    name: str
    """As written, for logs' `upstream` and for verification."""
    address: Address | None
    """None while the name is not resolved: the worker asks again (see `host`, `port`)."""
    host: str = ""
    """The host part as written; what `proxy_ssl_name` of an implicit upstream starts from."""
    port: int = 0
    weight: int = 1
    max_conns: int = 0
    max_fails: int = 1
    fail_timeout: float = 10.0
    slow_start: float = 0.0
    backup: bool = False
    down: bool = False
    resolve: bool = False
    service: str | None = None
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Upstream:
    """An `upstream {}`, or the implicit one of `proxy_pass ADDRESS` and of a Kong service with a plain host."""

    name: str
    """The block's name, or the text written in `proxy_pass`; the `upstream` label of the metrics."""
    peers: tuple[Peer, ...]
    method: str = "round_robin"
    method_arguments: tuple[str, ...] = ()
    """As written, without the key of `hash`."""
    key: Template | None = None
    """What `hash` hashes."""
    zone: str | None = None
    zone_size: int = 0
    resolver: Resolver | None = None
    implicit: bool = False
    health: HealthCheck | None = None
    live: bool = False
    """Whether a record brings it."""
    host_header: str | None = None
    """Of an upstream that a record brings: the name its TLS is asked for; empty: that of the peer."""
    where: Where = field(default=NOWHERE)
