"""`resolver` and `resolver_timeout`."""

from __future__ import annotations

from typing import Final

from ...errors import ConfigError
from ...model.address import Address
from ...model.upstream import Resolver
from .. import values
from ..tree import Directive, Word
from .addresses import Kind, numeric, parse_address
from .context import Context
from .scope import Scope

DNS_PORT: Final = 53
TIMEOUT: Final = 30.0


def build_resolver(scope: Scope, context: Context) -> Resolver | None:
    """The name servers of the nearest `resolver`, with the nearest timeout."""
    directive = scope.one("resolver")
    if directive is None:
        return None
    valid, ipv4, ipv6 = None, True, True
    servers: list[Address] = []
    for word in directive.words:
        name, equals, value = word.text.partition("=")
        if equals and name == "valid":
            valid = lifetime(word, value)
        elif equals and name == "ipv4":
            ipv4 = switch(word, value)
        elif equals and name == "ipv6":
            ipv6 = switch(word, value)
        elif not equals or name != "status_zone":
            servers += name_servers(word, context)
    check(directive, servers, ipv4 or ipv6)
    return Resolver(tuple(servers), valid, ipv4, ipv6, scope.seconds("resolver_timeout", TIMEOUT))


def check(directive: Directive, servers: list[Address], any_family: bool) -> None:
    """Refuse a resolver that could not answer."""
    if not servers:
        raise ConfigError("no name servers defined", directive.where)
    if not any_family:
        raise ConfigError('"ipv4" and "ipv6" cannot both be "off"', directive.where)


def name_servers(word: Word, context: Context) -> list[Address]:
    """The addresses of one name server."""
    try:
        written = parse_address(word.text)
    except ValueError as error:
        raise ConfigError(f'{error} in resolver "{word.text}"', word.where) from None
    if written.kind is Kind.UNIX:
        raise ConfigError(f'invalid address in resolver "{word.text}"', word.where)
    hosts = context.resolve(written.host) if written.kind is Kind.NAME else [written.host]
    if not hosts:
        raise ConfigError(f'host not found in resolver "{word.text}"', word.where)
    return [numeric(host, written.port or DNS_PORT) for host in hosts]


def lifetime(word: Word, value: str) -> float:
    """`valid=TIME`."""
    try:
        return values.whole_seconds(Word(value, word.where))
    except ConfigError as error:
        raise ConfigError(f"invalid parameter: {word.text}", word.where, error.hint) from None


def switch(word: Word, value: str) -> bool:
    """`ipv4=` and `ipv6=`."""
    if value not in ("on", "off"):
        raise ConfigError(f"invalid parameter: {word.text}", word.where, 'expected "on" or "off"')
    return value == "on"
