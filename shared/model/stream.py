"""`stream {}`: servers, the gateway's entities, and the whole configuration around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..template import Lookup, Template
from .address import Address
from .limit import LimitConnZone
from .listen import Listen
from .log import ErrorLogTarget
from .operations import Admin
from .plugin import PluginPath, PluginUse
from .process import CpuAffinity, Variable
from .settings import Network, Settings
from .tls import KeyPair
from .upstream import Upstream
from .where import NOWHERE, Where


@dataclass(frozen=True, slots=True)
class ProxyPass:
    """`proxy_pass`: to a known upstream, or to what the variables give per session."""

    text: str
    """As written; the `service` label of a server's sessions."""
    upstream: Upstream | None
    template: Template | None = None
    """Set when `text` has variables: renders to an upstream's name, an address, or a `host:port` to resolve."""
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Return:
    """`return TEXT`: send it and close."""

    value: Template
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Pass:
    """`pass ADDRESS`: hand the connection to another listener."""

    template: Template
    address: Address | None = None
    """Known unless the text has variables."""
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Server:
    """A `server {}`."""

    listens: tuple[Listen, ...]
    settings: Settings
    handler: ProxyPass | Return | Pass | None
    where: Where
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An entry of `sources` or `destinations`; a missing part matches any."""

    network: Network | None = None
    """A single address is a network of one; `cidr` tells them apart for the order of routes."""
    port: int | None = None
    cidr: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A Kong service of the L4 kind. Times are seconds."""

    name: str
    protocol: str
    """`tcp` or `tls`."""
    host: str
    port: int
    upstream: Upstream
    """The `upstream {}` that `host` names, or an implicit one."""
    settings: Settings
    """`stream {}` overridden by this block: connect_timeout, timeouts, retries and tls_* have been folded in."""
    retries: int = 5
    enabled: bool = True
    plugins: tuple[PluginUse, ...] = ()
    where: Where = NOWHERE


@dataclass(slots=True, unsafe_hash=True)
class Route:
    """A Kong route of the L4 kind. Nobody changes it; frozen, it would take three times as long to make 100,000."""

    name: str
    protocols: frozenset[str]
    """Of `tcp`, `tls`, `tls_passthrough`."""
    service: Service | None
    settings: Settings
    """The service's (or stream's) overridden by this block."""
    snis: tuple[str, ...] = ()
    """Lower case, without trailing dot; `*.x` and `x.*` are wildcards."""
    sources: tuple[Endpoint, ...] = ()
    destinations: tuple[Endpoint, ...] = ()
    preserve_host: bool = False
    plugins: tuple[PluginUse, ...] = ()
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Certificate:
    """A `certificate {}`: names and one or two pairs (RSA, ECDSA). No names: the default."""

    pairs: tuple[KeyPair, ...]
    snis: tuple[str, ...] = ()
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Gateway:
    """What answers `stream_listen`."""

    listens: tuple[Listen, ...] = ()
    routes: tuple[Route, ...] = ()
    """In the order written: older first."""
    services: tuple[Service, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    settings: Settings = Settings()
    """`stream {}`'s own: what a connection obeys until it has a route."""
    tls_settings: Settings | None = None
    """Those of a service that a record brings and that speaks TLS; `settings` are those of one that does not."""
    sniff_pending: int = 4096
    sniff_per_source: int = 64
    port_maps: tuple[tuple[int, int], ...] = ()
    """Pairs of the port that clients connect to, in front of us, and the one that is listened on."""

    def seen_port(self, listened: int) -> int:
        """What `destinations` see of a port that is listened on."""
        return next((seen for seen, own in self.port_maps if own == listened), listened)

    def listened_port(self, seen: int) -> int:
        """Where a connection to a port arrives."""
        return next((own for outside, own in self.port_maps if outside == seen), seen)


@dataclass(frozen=True, slots=True)
class Stream:
    """`stream {}`."""

    servers: tuple[Server, ...] = ()
    gateway: Gateway = Gateway()
    upstreams: Mapping[str, Upstream] = field(default_factory=dict)
    """The `upstream {}` blocks by name."""
    limit_zones: Mapping[str, LimitConnZone] = field(default_factory=dict)
    """`limit_conn_zone` by name."""
    plugins: tuple[PluginUse, ...] = ()
    """Those of every session."""
    plugin_paths: tuple[PluginPath, ...] = ()
    plugin_timeout: float = 10.0
    """Seconds that an `async` hook may take."""
    keeps_hellos: bool = False
    """Whether something may ask for a fingerprint when the hello has been read."""
    reads_hellos: bool = True
    """Whether a variable, or the Admin API, may ask what a hello said where TLS is terminated."""
    lookup: Lookup | None = field(default=None, compare=False, repr=False)
    """Finds every variable, those that this configuration defines included."""


@dataclass(frozen=True, slots=True)
class User:
    """Whom workers become."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Main:
    """The main context and `events {}`."""

    daemon: bool = True
    master_process: bool = True
    user: User | None = None
    worker_processes: int = 1
    worker_connections: int = 512
    worker_shutdown_timeout: float | None = None
    worker_rlimit_nofile: int | None = None
    worker_rlimit_core: int | None = None
    worker_priority: int = 0
    worker_cpu_affinity: CpuAffinity | None = None
    environment: tuple[Variable, ...] = ()
    """What workers keep of the master's environment, beside the time zone, and what they are given."""
    working_directory: str | None = None
    pid: str = "logs/nginx.pid"
    """Absolute once built."""
    error_logs: tuple[ErrorLogTarget, ...] = ()
    debug_networks: tuple[Network, ...] = ()
    debug_unix: bool = False
    """`debug_connection`: clients whose sessions are logged at level debug."""
    metrics_listen: tuple[Address, ...] = ()
    metrics_where: tuple[Where, ...] = ()
    """Where each of these is written."""
    multi_accept: bool = False
    admin: Admin = Admin()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read, for `-T`."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something said about a configuration that is accepted all the same."""

    level: str
    """`warn` or `notice`."""
    text: str
    where: Where


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that a generation is made of."""

    main: Main
    stream: Stream
    prefix: str
    file: str
    files: tuple[SourceFile, ...] = ()
    notices: tuple[Notice, ...] = ()
