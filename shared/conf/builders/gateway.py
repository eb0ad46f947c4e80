"""What answers `stream_listen`: certificates, services and routes, and the limits of sniffing."""

from __future__ import annotations

from typing import Final

from ...errors import ConfigError
from ...model.listen import Mode
from ...model.settings import Settings
from ...model.stream import Gateway
from ..suggest import nearest
from ..tree import Directive
from .certificate import build_certificates
from .context import Context
from .listen import Listeners
from .route import build_routes
from .scope import Scope
from .service import build_services, service_settings
from .settings import build_settings

LIMITS: Final = {"pending": "sniff_pending", "per_source": "sniff_per_source"}
"""Parameters of `sniff_limit`, with the fields they set."""


def build_gateway(stream: Scope, listeners: Listeners, context: Context) -> Gateway:
    """The gateway. It is built also where nothing listens for it, so that its mistakes are found."""
    listens = tuple(listen for each in stream.own("stream_listen") for listen in listeners.gateway(each))
    terminates = any(listen.mode is not Mode.PLAIN for listen in listens)
    services = build_services(stream, context)
    return Gateway(
        listens=listens,
        routes=build_routes(stream, services, context, terminates=terminates),
        services=tuple(built.service for built in services.values()),
        certificates=build_certificates(stream, context, terminates=terminates),
        # Nobody is connected to before there is a route, so `proxy_ssl` need not be complete here
        settings=build_settings(stream, context, terminates=terminates, to_tls=False),
        tls_settings=tls_settings(stream, context, terminates=terminates),
        port_maps=port_maps(stream.one("port_maps")),
        **sniff_limits(stream.one("sniff_limit")),
    )


def tls_settings(stream: Scope, context: Context, *, terminates: bool) -> Settings | None:
    """What a `service {}` that says nothing but `tls` would have, where records may bring such services."""
    if not context.live:
        return None
    return service_settings(Scope((), stream), Scope((), stream), "tls", context, terminates=terminates)


def sniff_limits(directive: Directive | None) -> dict[str, int]:
    """`sniff_limit [pending=N] [per_source=N]` as fields of a Gateway."""
    limits: dict[str, int] = {}
    for word in directive.words if directive else ():
        name, _, value = word.text.partition("=")
        if name not in LIMITS or not (value.isascii() and value.isdecimal()) or int(value) < 1:
            near = nearest(name, LIMITS) if name not in LIMITS else None
            hint = f'did you mean "{near}="?' if near else "expected pending=NUMBER or per_source=NUMBER"
            raise ConfigError(f'invalid parameter "{word.text}"', word.where, hint)
        limits[LIMITS[name]] = int(value)
    return limits


def port_maps(directive: Directive | None) -> tuple[tuple[int, int], ...]:
    """`port_maps SEEN:LISTENED …`, in which each port stands once on its side."""
    pairs: dict[int, int] = {}
    for word in directive.words if directive else ():
        seen, _, listened = word.text.partition(":")
        if not (is_port(seen) and is_port(listened)):
            hint = "expected PORT:PORT, what clients connect to and what is listened on"
            raise ConfigError(f'invalid parameter "{word.text}"', word.where, hint)
        if int(seen) in pairs or int(listened) in pairs.values():
            raise ConfigError(f'port of "{word.text}" is mapped already', word.where)
        pairs[int(seen)] = int(listened)
    return tuple(pairs.items())


def is_port(text: str) -> bool:
    """Whether a text is a port's number."""
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536
