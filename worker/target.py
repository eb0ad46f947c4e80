"""What a session is aimed at, compiled for reading per session: a server's or a route's settings as flat attributes."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..shared.errorlog import ErrorLog
from ..shared.model.log import Level
from ..shared.model.settings import Settings
from ..shared.model.stream import Pass, Route, Service
from ..shared.model.tls import ServerTls
from ..shared.template import Template

if TYPE_CHECKING:
    from .accesslog import Writer
    from .balance import Balancer
    from .certificates import Certificates
    from .kit.hooked import Hooked
    from .tls_sessions import TlsSessions

ByCertificate = Mapping[int | None, tuple[ssl.SSLContext, ServerTls]]
"""Contexts and what is in them by the number of a certificate, None for the default."""


@dataclass(slots=True, eq=False)
class Target:
    """A server or a route of this generation, in this worker."""

    number: int
    """The target's number in the layout of counters; 0 for a gateway connection that has no route yet."""
    settings: Settings
    log: ErrorLog
    writers: tuple[Writer, ...] = ()
    route: Route | None = None
    route_name: str = ""
    service: Service | None = None
    service_name: str = ""
    server_name: str = ""
    plugins: tuple[Hooked, ...] = ()
    """The plugins of its sessions, those that run first first."""
    aimed: bool = False
    """Whether a plugin said where its session goes: `template` is no `proxy_pass`."""

    balancer: Balancer | None = None
    template: Template | None = None
    """`proxy_pass` with variables."""
    reply: Template | None = None
    """`return`."""
    passes: Pass | None = None
    """`pass`."""

    connect_timeout: float = 60.0
    idle_timeout: float = 600.0
    nodelay: bool = True
    half_close: bool = False
    next_upstream: bool = True
    next_tries: int = 0
    next_timeout: float = 0.0
    proxy_protocol: int = 0
    eager: bool = True
    """Whether a connection that stands is told or sent something at once."""
    tuned: bool = False
    """Whether an upstream socket needs more than TCP_NODELAY before it connects (bind, buffers, keep-alive)."""

    paced: bool = False
    """Whether the relay has a rate."""

    server_context: ssl.SSLContext | None = None
    """Terminates TLS on a server's `listen … ssl`."""
    certificates: Certificates | None = None
    """The same where the certificate's name has variables."""
    certificate_contexts: ByCertificate | None = None
    """Terminates TLS on a route: contexts by the number of the certificate that the SNI chose, None for the default."""
    upstream_context: ssl.SSLContext | None = None
    """Speaks TLS to the upstream."""
    upstream_certificates: Certificates | None = None
    """Where the name of the certificate shown to it has variables."""
    upstream_sessions: TlsSessions | None = None
    """The sessions made with that context; None with `proxy_ssl_session_reuse off`."""
    says_info: bool = False
    """Whether the log takes lines of level info."""
    says_debug: bool = False
    """Whether it takes those of level debug, too."""
    has_access: bool = False
    has_limits: bool = False
    has_sets: bool = False

    @classmethod
    def of(cls, number: int, settings: Settings, log: ErrorLog, writers: tuple[Writer, ...]) -> Target:
        """A target with the flat attributes read off `settings`."""
        proxy = settings.proxy
        return cls(
            number=number,
            settings=settings,
            log=log,
            writers=writers,
            connect_timeout=proxy.connect_timeout,
            idle_timeout=proxy.timeout,
            nodelay=settings.tcp_nodelay,
            half_close=proxy.half_close,
            next_upstream=proxy.next_upstream,
            next_tries=proxy.next_upstream_tries,
            next_timeout=proxy.next_upstream_timeout,
            proxy_protocol=proxy.protocol,
            eager=settings.tcp_nodelay or bool(proxy.protocol),
            tuned=bool(proxy.bind or proxy.socket_rcvbuf or proxy.socket_sndbuf or proxy.socket_keepalive),
            paced=proxy.download_rate is not None or proxy.upload_rate is not None,
            says_info=log.level >= Level.INFO,
            says_debug=log.level >= Level.DEBUG,
            has_access=bool(settings.access),
            has_limits=bool(settings.limits),
            has_sets=bool(settings.sets),
        )
