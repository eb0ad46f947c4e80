"""The closed sets of words that logs, metrics and variables share, each in the order of its counters."""

from __future__ import annotations

from typing import Final

STATUSES: Final = (200, 400, 403, 500, 502, 503)
"""nginx's session statuses."""

SNIFF_OUTCOMES: Final = ("tls", "plain", "timeout", "malformed", "too_large", "closed")
"""How looking at the first bytes ended; `closed`: the client left before it could be told."""

REFUSALS: Final = (
    "no_route",
    "no_service",
    "tls_required",
    "plain_refused",
    "sniff_timeout",
    "sniff_malformed",
    "sniff_too_large",
    "proxy_protocol",
    "denied",
    "limited",
    "plugin",
    "no_peer",
    "upstream_failed",
    "upstream_tls",
    "client_tls",
    "overload",
    "internal",
)
"""Why a session did not come to relaying."""

CONNECT_OUTCOMES: Final = ("ok", "refused", "timeout", "tls", "error")
"""How an attempt to reach a peer ended."""

TLS_VERSIONS: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")

HANDSHAKE_OUTCOMES: Final = ("ok", "failed", "timeout")

WORKER_EVENTS: Final = ("accept_failed", "log_lost", "loop_stalls", "sessions_aborted")
"""What a worker counts beside its sessions: accepts the kernel refused, log lines that could not be written,
turns of the reactor that lasted too long, sessions cut off by a stop."""
