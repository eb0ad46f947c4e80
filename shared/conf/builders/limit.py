"""`limit_conn_zone`, `limit_conn` and what belongs to them."""

from __future__ import annotations

from typing import Final

from ...errors import ConfigError
from ...model.limit import LimitConn, LimitConnZone
from ...model.log import Level
from .. import values
from ..suggest import nearest
from ..tree import Directive
from .context import Context
from .scope import Scope, duplicate
from .zone import size_of_zone

USE: Final = "limit_conn"
MOST: Final = 65535


def declare_limit_zones(stream: Scope, context: Context) -> None:
    """Every `limit_conn_zone`, before anything refers to one: nginx lets that stand above."""
    for directive in stream.own("limit_conn_zone"):
        zone = limit_zone(directive, context)
        context.zones.declare(zone.name, USE, zone.size, zone.where)
        known = context.limit_zones.setdefault(zone.name, zone)
        if known is not zone:
            text = f'limit_conn_zone "{zone.name}" is already bound to key "{known.key.source}"'
            raise ConfigError(text, zone.where, f"the first is at {known.where}")


def limit_zone(directive: Directive, context: Context) -> LimitConnZone:
    """`limit_conn_zone KEY zone=NAME:SIZE`."""
    key, *parameters = directive.words
    name, size = "", 0
    for word in parameters:
        parameter, equals, value = word.text.partition("=")
        if parameter != "zone" or not equals:
            raise ConfigError(f'invalid parameter "{word.text}"', word.where, "expected zone=name:size")
        name, colon, text = value.rpartition(":")
        if not colon:
            raise ConfigError(f'invalid zone size "{word.text}"', word.where, "expected zone=name:size")
        size = size_of_zone(text, word, word.text)
    if not name:
        raise ConfigError('"limit_conn_zone" must have "zone" parameter', directive.where)
    return LimitConnZone(name, size, context.template(key), directive.where)


def limits(scope: Scope, context: Context) -> tuple[LimitConn, ...]:
    """Every `limit_conn` of the nearest block that has any."""
    found: dict[str, tuple[LimitConn, Directive]] = {}
    for directive in scope.all("limit_conn"):
        limit = limit_conn(directive, context)
        if limit.zone.name in found:
            raise duplicate(directive, found[limit.zone.name][1])
        found[limit.zone.name] = limit, directive
    return tuple(limit for limit, _ in found.values())


def limit_conn(directive: Directive, context: Context) -> LimitConn:
    """`limit_conn ZONE NUMBER`."""
    name, number = directive.words
    zone = context.limit_zones.get(name.text)
    if zone is None:
        context.zones.declare(name.text, USE, 0, name.where)
        near = nearest(name.text, context.limit_zones)
        hint = f'did you mean "{near}"?' if near else "no limit_conn_zone has that name"
        raise ConfigError(f'zero size shared memory zone "{name.text}"', name.where, hint)
    try:
        connections = values.number(number, least=1)
    except ConfigError:
        raise ConfigError(f'invalid number of connections "{number.text}"', number.where) from None
    if connections > MOST:
        raise ConfigError("connection limit must be less 65536", number.where)
    return LimitConn(zone, connections)


def limit_log_level(scope: Scope) -> Level:
    """`limit_conn_log_level`."""
    return Level[scope.text("limit_conn_log_level", "error").upper()]
