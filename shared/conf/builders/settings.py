"""Everything that a session obeys, in one block, with what it inherits."""

from __future__ import annotations

from typing import Final

from ...model.settings import Settings
from ...model.tls import KeyPair
from ...template import Template
from ..tree import Directive
from .access import access_rules, real_ip_from
from .context import Context
from .errorlog import error_logs
from .limit import limit_log_level, limits
from .logs import access_logs
from .maps import defined_name
from .proxy import build_proxy
from .resolver import build_resolver
from .scope import Scope
from .tls import server_tls, upstream_tls

DEFAULT: Final = Settings()


def build_settings(
    scope: Scope,
    context: Context,
    *,
    terminates: bool = False,
    pairs: tuple[KeyPair, ...] = (),
    to_tls: bool | None = None,
) -> Settings:
    """The settings of a block.

    `terminates` says whether TLS may end here, with `pairs` where the block has its own: files are read only then.
    `to_tls` overrules `proxy_ssl` (a Kong service's protocol).
    """
    networks, unix = real_ip_from(scope, context)
    return Settings(
        proxy=build_proxy(scope, context),
        tls=server_tls(scope, context, pairs, terminates=terminates),
        upstream_tls=upstream_tls(scope, context, on=to_tls),
        preread_buffer_size=preread_buffer_size(scope),
        preread_timeout=scope.seconds("preread_timeout", DEFAULT.preread_timeout),
        proxy_protocol_timeout=scope.seconds("proxy_protocol_timeout", DEFAULT.proxy_protocol_timeout),
        handshake_timeout=scope.seconds("ssl_handshake_timeout", DEFAULT.handshake_timeout),
        ssl_preread=scope.flag("ssl_preread", DEFAULT.ssl_preread),
        tcp_nodelay=scope.flag("tcp_nodelay", DEFAULT.tcp_nodelay),
        resolver=build_resolver(scope, context),
        access=access_rules(scope, context),
        real_ip_from=networks,
        real_ip_from_unix=unix,
        access_logs=access_logs(scope, context),
        error_logs=error_logs(scope, context),
        sets=tuple(assignment(directive, context) for directive in scope.all("set")),
        limits=limits(scope, context),
        limit_dry_run=scope.flag("limit_conn_dry_run", DEFAULT.limit_dry_run),
        limit_log_level=limit_log_level(scope),
    )


def preread_buffer_size(scope: Scope) -> int:
    """Bytes of a connection's beginning that are looked at."""
    return scope.size("preread_buffer_size", DEFAULT.preread_buffer_size)


def assignment(directive: Directive, context: Context) -> tuple[str, Template]:
    """One `set $name value`."""
    name, value = directive.words
    return defined_name(name), context.template(value)
