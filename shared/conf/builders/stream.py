"""`stream {}`."""

from __future__ import annotations

from ...model.stream import Stream
from ..tree import Directive
from .context import Context
from .gateway import build_gateway
from .limit import declare_limit_zones
from .listen import Listeners
from .logs import log_formats
from .maps import define_variables
from .plugin import plugin_paths, plugin_timeout, plugin_uses
from .scope import Scope
from .server import build_server
from .upstream import declare_upstreams
from .virtual_servers import check_servers, share


def build_stream(directive: Directive | None, context: Context) -> Stream:
    """Everything inside `stream {}`: first what is referred to by name, then those who refer."""
    if directive is None:
        return Stream()
    stream = Scope(directive.block or ())
    define_variables(stream, context)
    context.formats = log_formats(stream, context)
    declare_upstreams(stream, context)
    declare_limit_zones(stream, context)
    listeners = Listeners(context)
    blocks = stream.own("server")
    listens = share([listeners.of_server(block) for block in blocks], context)
    servers = tuple(build_server(block, stream, own, context) for block, own in zip(blocks, listens, strict=True))
    check_servers(servers, context)
    gateway = build_gateway(stream, listeners, context)
    context.zones.check()
    return Stream(
        servers,
        gateway,
        dict(context.upstreams),
        dict(context.limit_zones),
        lookup=context.lookup,
        plugins=plugin_uses(stream),
        plugin_paths=plugin_paths(stream, context),
        plugin_timeout=plugin_timeout(stream),
    )
