"""`route {}`: Kong's conditions and rules, in Kong's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Final

from ...errors import ConfigError
from ...model.settings import Settings
from ...model.stream import Endpoint, Route
from ...model.where import Where
from .. import values
from ..suggest import nearest
from ..tree import Directive, Word
from .client_verify import verified
from .context import Context
from .known_routes import CONDITIONS, KnownRoutes
from .names import duplicate_name, entity_name, sni
from .plugin import plugin_uses
from .scope import Scope
from .service import Built, service_settings
from .settings import build_settings

PROTOCOLS: Final = ("tcp", "tls", "tls_passthrough")
PASSTHROUGH: Final = "tls_passthrough"
Alike = dict[tuple[str | None, bool, bool], Settings]
"""Settings by service, by whether TLS ends here and by whether it is passed through."""
ENDPOINT: Final = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9.]*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(?P<mask>/[0-9]{1,3})?(?P<port>:[0-9]+)?"
)


def build_routes(
    stream: Scope, services: Mapping[str, Built], context: Context, *, terminates: bool
) -> tuple[Route, ...]:
    """Every route, in the order written: older first."""
    routes: dict[str, Route] = {}
    alike: Alike = {}
    known = KnownRoutes()
    for directive in stream.own("route"):
        name = entity_name(directive)
        if name in routes:
            raise duplicate_name(directive, routes[name].where)
        route = known.again(name, directive)
        if route is None:
            route = build_route(name, directive, stream, services, context, alike, terminates=terminates)
            known.learn(route, directive)
        routes[name] = route
    return tuple(routes.values())


def build_route(
    name: str,
    directive: Directive,
    stream: Scope,
    services: Mapping[str, Built],
    context: Context,
    alike: Alike,
    *,
    terminates: bool,
) -> Route:
    """One route."""
    own = Scope(directive.block or ())
    protocols = route_protocols(own, directive)
    snis = own.one("snis")
    built = named_service(own, services)
    route = Route(
        name=name,
        protocols=protocols,
        service=built.service if built else None,
        settings=settings_once(directive, stream, built, context, alike, protocols, terminates and "tls" in protocols),
        snis=tuple(dict.fromkeys(sni(word) for word in snis.words)) if snis else (),
        sources=endpoints(own.one("sources")),
        destinations=endpoints(own.one("destinations")),
        preserve_host=own.flag("preserve_host", False),
        plugins=plugin_uses(own),
        where=directive.where,
    )
    check_conditions(route, snis.where if snis else directive.where)
    return route


def route_protocols(own: Scope, directive: Directive) -> frozenset[str]:
    """The protocols; Kong keeps those that are passed through apart from those that end here."""
    found = own.one("protocols")
    if found is None:
        hint = "one or more of: " + ", ".join(PROTOCOLS)
        raise ConfigError(f'no "protocols" in route "{directive.words[0].text}"', directive.where, hint)
    protocols = frozenset(values.enum(word, PROTOCOLS) for word in found.words)
    if PASSTHROUGH in protocols and len(protocols) > 1:
        text = "these sets are mutually exclusive: ('tcp', 'tls'), ('tls_passthrough')"
        raise ConfigError(text, found.where, "write two routes")
    return protocols


def check_conditions(route: Route, where: Where) -> None:
    """What Kong asks of a route's conditions."""
    if PASSTHROUGH in route.protocols:
        if not route.snis:
            raise ConfigError("must set snis when 'protocols' is 'tls_passthrough'", where)
        return
    if route.snis and "tls" not in route.protocols:
        raise ConfigError("'snis' can only be set when 'protocols' is 'tls' or 'tls_passthrough'", where)
    if not (route.snis or route.sources or route.destinations):
        text = "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp' or 'tls'"
        raise ConfigError(text, where)


def named_service(own: Scope, services: Mapping[str, Built]) -> Built | None:
    """The service that a route goes to; Kong allows none, which ends sessions with 503."""
    word = own.word("service")
    if word is None:
        return None
    built = services.get(word.text)
    if built is None:
        near = nearest(word.text, services)
        raise ConfigError(f'unknown service "{word.text}"', word.where, f'did you mean "{near}"?' if near else "")
    return built


def settings_once(
    directive: Directive,
    stream: Scope,
    built: Built | None,
    context: Context,
    alike: Alike,
    protocols: frozenset[str],
    terminates: bool,
) -> Settings:
    """The same settings for all routes that say nothing but where they apply: of 100,000 routes most are such."""
    if any(each.name not in CONDITIONS for each in directive.block or ()):
        return route_settings(directive, stream, built, context, protocols, terminates=terminates)
    key = (built.service.name if built else None, terminates, PASSTHROUGH in protocols)
    settings = alike.get(key)
    if settings is None:
        settings = alike[key] = route_settings(directive, stream, built, context, protocols, terminates=terminates)
    return settings


def route_settings(
    directive: Directive,
    stream: Scope,
    built: Built | None,
    context: Context,
    protocols: frozenset[str],
    *,
    terminates: bool,
) -> Settings:
    """The service's settings, overridden by the route's own directives.

    What is passed through is the client's own TLS: it is not wrapped once more, also where the service is `tls`.
    """
    scope = Scope(directive.block or (), built.scope if built else stream)
    if built is None:
        settings = build_settings(scope, context, terminates=terminates, to_tls=False)
    else:
        protocol = "tcp" if PASSTHROUGH in protocols else built.service.protocol
        settings = service_settings(scope, built.scope, protocol, context, terminates=terminates)
    return verified(settings, scope, context, terminates="tls" in protocols)


def endpoints(directive: Directive | None) -> tuple[Endpoint, ...]:
    """`sources` or `destinations`."""
    return tuple(endpoint(word) for word in directive.words) if directive else ()


def endpoint(word: Word) -> Endpoint:
    """`ADDRESS`, `NETWORK`, `:PORT`, `ADDRESS:PORT`, `[V6]:PORT`."""
    found = ENDPOINT.fullmatch(word.text)
    host = found["host"].strip("[]") if found else ""
    mask = (found["mask"] or "") if found else ""
    port = found["port"] if found else None
    if not found or not (host or port) or (mask and not host):
        raise invalid_endpoint(word)
    try:
        # Kong masks what a network's address has too much; an address is a network of one
        network = ip_network(host + mask, strict=False) if host else None
    except ValueError:
        raise invalid_endpoint(word) from None
    return Endpoint(network, endpoint_port(word, port), cidr=bool(mask))


def endpoint_port(word: Word, text: str | None) -> int | None:
    """A port after its colon."""
    if text is None:
        return None
    port = int(text[1:])
    if port > 65535:
        raise ConfigError(f'invalid port in "{word.text}": value should be between 0 and 65535', word.where)
    return port


def invalid_endpoint(word: Word) -> ConfigError:
    """Kong's sentence."""
    hint = "expected an address, a network, :PORT, ADDRESS:PORT or [V6]:PORT"
    return ConfigError(f"invalid ip or cidr range: '{word.text}'", word.where, hint)
