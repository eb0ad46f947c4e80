"""The directives that a session obeys: those of its `server {}`, or of its route."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..template import Template
from .limit import LimitConn
from .log import AccessLog, ErrorLogTarget, Level
from .tls import ServerTls, UpstreamTls
from .upstream import Resolver
from .where import NOWHERE, Where

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class AccessRule:
    """`allow` or `deny`; the first that matches wins."""

    allow: bool
    network: Network | None
    """None with `unix` False matches every address (`all`)."""
    unix: bool = False
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Proxy:
    """`proxy_*` without TLS. Times are seconds, sizes bytes."""

    connect_timeout: float = 60.0
    timeout: float = 600.0
    buffer_size: int = 16384
    next_upstream: bool = True
    next_upstream_timeout: float = 0.0
    next_upstream_tries: int = 0
    protocol: int = 0
    """The PROXY protocol's version sent to the upstream; 0 sends none."""
    half_close: bool = False
    bind: Template | None = None
    bind_transparent: bool = False
    download_rate: Template | None = None
    upload_rate: Template | None = None
    socket_keepalive: bool = False
    socket_rcvbuf: int | None = None
    socket_sndbuf: int | None = None
    session_drop: bool = False
    requests: int = 0
    responses: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything inherited from `stream {}` and overridden in a `server {}`, `service {}` or `route {}`."""

    proxy: Proxy = Proxy()
    tls: ServerTls = ServerTls()
    upstream_tls: UpstreamTls = UpstreamTls()
    preread_buffer_size: int = 16384
    preread_timeout: float = 30.0
    proxy_protocol_timeout: float = 30.0
    handshake_timeout: float = 60.0
    ssl_preread: bool = False
    tcp_nodelay: bool = True
    resolver: Resolver | None = None
    access: tuple[AccessRule, ...] = ()
    real_ip_from: tuple[Network, ...] = ()
    real_ip_from_unix: bool = False
    access_logs: tuple[AccessLog, ...] = ()
    error_logs: tuple[ErrorLogTarget, ...] = ()
    """Empty: the main context's."""
    sets: tuple[tuple[str, Template], ...] = ()
    """`set $name value`, in order; run when the session is accepted."""
    limits: tuple[LimitConn, ...] = ()
    """`limit_conn`, in order."""
    limit_dry_run: bool = False
    limit_log_level: Level = Level.ERROR
