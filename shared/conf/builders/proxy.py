"""`proxy_*` without TLS."""

from __future__ import annotations

from typing import Final

from ...errors import ConfigError
from ...model.settings import Proxy
from ...template import Template, has_variables
from .. import values
from ..tree import Directive
from .addresses import Kind, parse_address
from .context import Context
from .scope import Scope, duplicate

DEFAULT: Final = Proxy()
BUFFER_SIZES: Final = ("proxy_buffer_size", "proxy_downstream_buffer", "proxy_upstream_buffer")


def build_proxy(scope: Scope, context: Context) -> Proxy:
    """The proxy settings that hold in a block."""
    bind, transparent = proxy_bind(scope.one("proxy_bind"), context)
    responses = scope.word("proxy_responses")
    return Proxy(
        connect_timeout=scope.seconds("proxy_connect_timeout", DEFAULT.connect_timeout),
        timeout=scope.seconds("proxy_timeout", DEFAULT.timeout),
        buffer_size=buffer_size(scope),
        next_upstream=scope.flag("proxy_next_upstream", DEFAULT.next_upstream),
        next_upstream_timeout=scope.seconds("proxy_next_upstream_timeout", DEFAULT.next_upstream_timeout),
        next_upstream_tries=scope.number("proxy_next_upstream_tries", DEFAULT.next_upstream_tries),
        protocol=proxy_protocol(scope),
        half_close=scope.flag("proxy_half_close", DEFAULT.half_close),
        bind=bind,
        bind_transparent=transparent,
        download_rate=proxy_rate("proxy_download_rate", scope, context),
        upload_rate=proxy_rate("proxy_upload_rate", scope, context),
        socket_keepalive=scope.flag("proxy_socket_keepalive", DEFAULT.socket_keepalive),
        socket_rcvbuf=scope.optional_size("proxy_socket_rcvbuf"),
        socket_sndbuf=scope.optional_size("proxy_socket_sndbuf"),
        session_drop=scope.flag("proxy_session_drop", DEFAULT.session_drop),
        requests=scope.number("proxy_requests", DEFAULT.requests),
        responses=None if responses is None else values.number(responses, "proxy_responses"),
    )


def buffer_size(scope: Scope) -> int:
    """The one size under the name that it has, or under one of those that it had."""
    found = scope.all(*BUFFER_SIZES)
    if len(found) > 1:
        raise duplicate(found[1], found[0])
    return values.size(found[0].words[0], found[0].name) if found else DEFAULT.buffer_size


def proxy_protocol(scope: Scope) -> int:
    """`proxy_protocol on|off|v1|v2` as a version."""
    word = scope.word("proxy_protocol")
    if word is None:
        return 0
    if word.text in ("v1", "v2"):
        return int(word.text[1])
    return 1 if values.flag(word, "proxy_protocol") else 0


def proxy_bind(directive: Directive | None, context: Context) -> tuple[Template | None, bool]:
    """The local address for connections to upstreams, and whether it may be somebody else's."""
    if directive is None:
        return None, False
    word, *rest = directive.words
    if word.text == "off" and not rest:
        return None, False
    for extra in rest:
        if extra.text != "transparent":
            raise ConfigError(f'invalid parameter "{extra.text}"', extra.where, 'expected "transparent"')
    if not has_variables(word.text) and not is_local_address(word.text):
        raise ConfigError(f'invalid address "{word.text}"', word.where)
    return context.template(word), bool(rest)


def proxy_rate(name: str, scope: Scope, context: Context) -> Template | None:
    """A rate in bytes a second; None where it is 0, so that sessions without one need not look."""
    word = scope.word(name)
    if word is None or (not has_variables(word.text) and not values.size(word, name)):
        return None
    return context.template(word)


def is_local_address(text: str) -> bool:
    """Whether `text` is a numeric address, with or without a port; IPv6 may go without brackets."""
    if text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    try:
        return parse_address(text).kind in (Kind.IPV4, Kind.IPV6)
    except ValueError:
        return False
