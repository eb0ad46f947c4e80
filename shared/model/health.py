"""How the health of an upstream's peers is judged."""

from __future__ import annotations

from dataclasses import dataclass

from .where import NOWHERE, Where


@dataclass(frozen=True, slots=True)
class Probe:
    """An active check: the master connects to a peer again and again. Times are seconds."""

    interval: float = 5.0
    """While the peer is healthy; 0: it is not asked then."""
    ill_interval: float = 5.0
    """While it is not."""
    timeout: float = 1.0
    rise: int = 2
    """Good answers in a row that make a peer healthy."""
    fall: int = 3
    """Failures in a row that make it unhealthy."""
    timeout_fall: int = 0
    """The same for answers that do not come in time; 0: they count as failures."""
    port: int = 0
    """Another port than the peer's own; 0: the peer's."""
    tls: bool = False
    """Whether a TLS handshake is part of it; the certificate is not verified."""
    sni: str = ""
    send: bytes = b""
    expect: str = ""
    """A regular expression that the answer must match; empty: connecting is enough."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Everything that decides whether a peer is in service, beside `max_fails`."""

    probe: Probe | None = None
    failures: int = 0
    """Passive: sessions in a row that could not connect, or whose peer broke off within the first second; 0: not
    counted."""
    timeouts: int = 0
    """Passive: sessions in a row whose connect or TLS took too long; 0: not counted."""
    threshold: float = 0.0
    """The percentage of weight: with no more than that in service, none is (Kong's `healthchecks.threshold`)."""
    where: Where = NOWHERE
