"""`service {}`: Kong's fields, folded into nginx's settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ...errors import ConfigError
from ...kong_fields import KongFields
from ...model.settings import Settings
from ...model.stream import Service
from ...model.upstream import Upstream
from ...model.where import Where
from .. import values
from ..tree import Directive
from .addresses import Kind, parse_address
from .context import Context
from .files import authorities, key_pair
from .names import duplicate_name, entity_name
from .openssl import available
from .plugin import plugin_uses
from .scope import Scope
from .settings import build_settings
from .upstream import implicit_upstream

RETRIES: Final = 5
TIMEOUT: Final = 60.0
"""Kong's default of its three timeouts."""
PROTOCOLS: Final = ("tcp", "tls")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service is: what `url`, or `protocol`, `host` and `port`, say."""

    protocol: str
    host: str
    port: int
    where: Where


@dataclass(frozen=True, slots=True)
class Built:
    """A service with its block, from which routes inherit."""

    service: Service
    scope: Scope


def build_services(stream: Scope, context: Context) -> dict[str, Built]:
    """Every service by name, in the order written."""
    built: dict[str, Built] = {}
    for directive in stream.own("service"):
        name = entity_name(directive)
        if name in built:
            raise duplicate_name(directive, built[name].service.where)
        built[name] = build_service(name, directive, stream, context)
    return built


def build_service(name: str, directive: Directive, stream: Scope, context: Context) -> Built:
    """One service."""
    scope = Scope(directive.block or (), stream)
    place = service_place(scope, directive)
    service = Service(
        name=name,
        protocol=place.protocol,
        host=place.host,
        port=place.port,
        upstream=service_upstream(place, context),
        settings=service_settings(scope, scope, place.protocol, context),
        retries=scope.number("retries", RETRIES),
        enabled=scope.flag("enabled", True),
        plugins=plugin_uses(scope),
        where=directive.where,
    )
    return Built(service, scope)


def service_place(scope: Scope, directive: Directive) -> Place:
    """`url`, or its parts."""
    url = scope.one("url")
    parts = scope.own("protocol", "host", "port")
    if url is not None:
        if parts:
            raise ConfigError(f'"{parts[0].name}" is already given by "url"', parts[0].where)
        return url_place(url)
    host, port = scope.word("host"), scope.word("port")
    if host is None:
        raise ConfigError(f'no "url" or "host" in service "{directive.words[0].text}"', directive.where)
    protocol = scope.word("protocol")
    return Place(
        protocol="tcp" if protocol is None else values.enum(protocol, PROTOCOLS),
        host=bare_host(host.text),
        port=0 if port is None else values.port(port, "port"),
        where=host.where,
    )


def url_place(url: Directive) -> Place:
    """`tcp://HOST:PORT` or `tls://HOST:PORT`."""
    word = url.words[0]
    protocol, separator, rest = word.text.partition("://")
    if not separator or protocol not in PROTOCOLS:
        raise ConfigError(f'invalid url "{word.text}"', word.where, "expected tcp://HOST:PORT or tls://HOST:PORT")
    if "/" in rest:
        raise ConfigError(f'invalid url "{word.text}"', word.where, "a stream service has no path")
    try:
        written = parse_address(rest)
    except ValueError as error:
        raise ConfigError(f'{error} in url "{word.text}"', word.where) from None
    if written.kind is Kind.UNIX:
        raise ConfigError(
            f'invalid host in url "{word.text}"', word.where, "expected tcp://HOST:PORT or tls://HOST:PORT"
        )
    return Place(protocol, written.host, written.port, word.where)


def bare_host(text: str) -> str:
    """An IPv6 address without its brackets."""
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def service_upstream(place: Place, context: Context) -> Upstream:
    """The `upstream {}` that the host names, whose servers have their own ports, or that of the address."""
    named = context.upstreams.get(place.host.lower())
    if named is not None:
        return named
    if not place.port:
        hint = f'"{place.host}" is no upstream either'
        raise ConfigError(f'no port for the service\'s host "{place.host}"', place.where, hint)
    host = f"[{place.host}]" if ":" in place.host else place.host
    return implicit_upstream(f"{host}:{place.port}", place.where, context)


def service_settings(
    scope: Scope, service: Scope, protocol: str, context: Context, *, terminates: bool = False
) -> Settings:
    """The settings of a service (`scope` is its own) or of a route that goes to it (`scope` is the route's).

    Kong's fields count as written in the service's block: they win over `stream {}`, and a route's own nginx
    directives win over them. Where neither is written anywhere, Kong's defaults hold.
    """
    settings = build_settings(scope, context, terminates=terminates, to_tls=protocol == "tls")
    tls = settings.upstream_tls
    if tls.on and scope.depth("proxy_ssl_server_name") is None:
        settings = replace(settings, upstream_tls=replace(tls, server_name=True))  # Kong sends the host's name as SNI
    return kong_fields(scope, service, context, speaks_tls=tls.on).fold(settings)


def kong_fields(scope: Scope, service: Scope, context: Context, *, speaks_tls: bool) -> KongFields:
    """Kong's fields as far as they count."""
    connects = kong_wins("proxy_connect_timeout", scope, service, "connect_timeout")
    idles = kong_wins("proxy_timeout", scope, service, "read_timeout", "write_timeout")
    retries = kong_wins("proxy_next_upstream_tries", scope, service, "retries")
    fields = KongFields(
        connect_timeout=kong_seconds(service, "connect_timeout") if connects else None,
        read_timeout=kong_seconds(service, "read_timeout") if idles else None,
        write_timeout=kong_seconds(service, "write_timeout") if idles else None,
        retries=service.number("retries", RETRIES) if retries else None,
    )
    return tls_fields(fields, scope, service, context) if speaks_tls else fields


def tls_fields(fields: KongFields, scope: Scope, service: Scope, context: Context) -> KongFields:
    """`tls_verify`, `tls_verify_depth`, `ca_certificates` and `client_certificate`, added to the others."""
    if service.own("tls_verify") and kong_wins("proxy_ssl_verify", scope, service, "tls_verify"):
        fields = replace(fields, tls_verify=service.flag("tls_verify", False))
    available(service, "tls_verify_depth")
    if service.own("tls_verify_depth") and kong_wins("proxy_ssl_verify_depth", scope, service, "tls_verify_depth"):
        fields = replace(fields, tls_verify_depth=service.number("tls_verify_depth", 0))
    trusted = service.own("ca_certificates")
    if trusted and kong_wins("proxy_ssl_trusted_certificate", scope, service, "ca_certificates"):
        fields = replace(fields, authorities=authorities(trusted[0].words, context))
    pair = service.own("client_certificate")
    if pair and kong_wins("proxy_ssl_certificate", scope, service, "client_certificate"):
        words = pair[0].words
        passwords = scope.word("proxy_ssl_password_file")
        fields = replace(fields, pair=key_pair(words[0], words[-1], passwords, context))
    return fields


def kong_wins(directive: str, scope: Scope, service: Scope, *fields: str) -> bool:
    """Whether Kong's fields decide, rather than nginx's directive of the same meaning: whichever is nearer."""
    depth = scope.depth(directive)
    if depth is None:
        return True
    service_depth = 0 if scope is service else 1
    return depth > service_depth and bool(service.own(*fields))


def kong_seconds(service: Scope, name: str) -> float:
    """A time in which a bare number is milliseconds."""
    word = service.word(name)
    return TIMEOUT if word is None else values.kong_time(word, name)
