"""`upstream {}`, and the implicit upstream of an address that `proxy_pass` or a service names."""

from __future__ import annotations

from typing import Any, Final

from ...errors import ConfigError
from ...model.upstream import Peer, Resolver, Upstream
from ...model.where import Where
from .. import values
from ..report import attach
from ..suggest import nearest
from ..tree import Directive, Word
from .addresses import Kind, Written, numeric, parse_address
from .context import Context
from .health import build_health
from .method import build_method, check_parameters
from .resolver import build_resolver
from .scope import Scope
from .state import read_state
from .zone import size_of_zone

NUMBERS: Final = {"weight": 1, "max_conns": 0, "max_fails": 0}
"""Parameters that are numbers, with their least values."""
SWITCHES: Final = ("backup", "down", "resolve")
TIMES: Final = ("fail_timeout", "slow_start")
ZONE_USE: Final = "upstream"
KNOWN: Final = (*NUMBERS, *TIMES, *SWITCHES, "service", "drain")


def declare_upstreams(stream: Scope, context: Context) -> None:
    """Build every `upstream {}`, by name in lower case: nginx compares these names without case."""
    for directive in stream.own("upstream"):
        key = directive.words[0].text.lower()
        other = context.upstreams.get(key)
        if other is not None:
            text = f'duplicate upstream "{directive.words[0].text}"'
            raise ConfigError(text, directive.where, f"the first is at {other.where}")
        context.upstreams[key] = build_upstream(directive, stream, context)


def build_upstream(directive: Directive, stream: Scope, context: Context) -> Upstream:
    """One `upstream {}`."""
    name = directive.words[0].text
    scope = Scope(directive.block or ())
    state = read_state(scope, context)
    if state is not None:
        scope = Scope((*scope.directives, *state.directives))
    servers = scope.own("server")
    if not servers and state is None:
        raise ConfigError("no servers are inside upstream", directive.where)
    method = build_method(scope, context)
    try:
        for server in servers:
            check_parameters(server, scope)
        peers = tuple(peer for server in servers for peer in build_peers(server, context))
    except ConfigError as error:
        attach(error, state.files if state is not None else ())
        raise
    if peers and all(peer.backup for peer in peers):
        raise ConfigError(f'no servers in upstream "{name}"', directive.where, "every server is a backup")
    zone, zone_size = build_zone(scope, context)
    return Upstream(
        name,
        peers,
        method=method.name,
        method_arguments=method.arguments,
        key=method.key,
        zone=zone,
        zone_size=zone_size,
        resolver=build_upstream_resolver(directive, stream, peers, context),
        health=build_health(scope, context),
        where=directive.where,
    )


def build_zone(scope: Scope, context: Context) -> tuple[str | None, int]:
    """The name of the upstream's `zone` and the size given here; of the last one, as in nginx."""
    name, size = None, 0
    for directive in scope.own("zone"):
        word, *sizes = directive.words
        name = word.text
        if not name:
            raise ConfigError('invalid zone name ""', word.where)
        size = size_of_zone(sizes[0].text, sizes[0], name) if sizes else 0
        context.zones.declare(name, ZONE_USE, size, directive.where)
    return name, size


def build_upstream_resolver(
    directive: Directive, stream: Scope, peers: tuple[Peer, ...], context: Context
) -> Resolver | None:
    """The name servers of names that are resolved while running: those of the block, or of `stream {}`."""
    resolved = next((peer for peer in peers if peer.resolve), None)
    resolver = build_resolver(Scope(directive.block or (), stream), context)
    if resolved is not None and resolver is None:
        name = directive.words[0].text
        text = f'no resolver defined to resolve names at run time in upstream "{name}"'
        raise ConfigError(text, resolved.where, "give the upstream or the stream a resolver")
    return resolver


def build_peers(server: Directive, context: Context) -> tuple[Peer, ...]:
    """The peers of one `server` line: one for each address that its name has."""
    word = server.words[0]
    written = parsed(word.text, word.where)
    fields: dict[str, Any] = {}
    for parameter in server.words[1:]:
        peer_parameter(parameter, fields)
    if fields.get("service") is not None:
        check_service(word, written, fields)
    elif written.port == 0 and written.kind is not Kind.UNIX:
        raise ConfigError(f'no port in upstream "{word.text}"', word.where)
    return peers(word.text, written, server.where, context, **fields)


def check_service(word: Word, written: Written, fields: dict[str, Any]) -> None:
    """`service=` needs `resolve`, and gives the port itself."""
    if not fields.get("resolve"):
        raise ConfigError(f'service upstream server "{word.text}" requires "resolve" parameter', word.where)
    if written.port:
        raise ConfigError(f'service upstream server "{word.text}" may not have port', word.where)
    if written.kind is not Kind.NAME:
        raise ConfigError(f'service upstream server "{word.text}" requires domain name', word.where)


def peer_parameter(word: Word, fields: dict[str, Any]) -> None:
    """One parameter of a `server` line."""
    name, equals, value = word.text.partition("=")
    if equals and name in NUMBERS:
        fields[name] = parameter_number(word, value, NUMBERS[name])
    elif equals and name in TIMES:
        fields[name] = parameter_seconds(word, value)
    elif equals and name == "service":
        if not value:
            raise ConfigError(f'invalid parameter "{word.text}"', word.where, "service is empty")
        fields["service"] = value
    elif not equals and name in SWITCHES:
        fields[name] = True
    elif word.text == "drain":
        fields["down"] = True  # without sticky sessions there are none that a draining server would still get
    else:
        near = nearest(name, KNOWN)
        hint = f'did you mean "{near}"?' if near else ""
        raise ConfigError(f'invalid parameter "{word.text}"', word.where, hint)


def parameter_number(word: Word, value: str, least: int) -> int:
    """`name=NUMBER`."""
    try:
        return values.number(Word(value, word.where), least=least)
    except ConfigError as error:
        raise ConfigError(f'invalid parameter "{word.text}"', word.where, error.hint) from None


def parameter_seconds(word: Word, value: str) -> float:
    """`name=TIME`."""
    try:
        return values.whole_seconds(Word(value, word.where))
    except ConfigError as error:
        raise ConfigError(f'invalid parameter "{word.text}"', word.where, error.hint) from None


def parsed(text: str, where: Where) -> Written:
    """An address, with a port or without."""
    try:
        return parse_address(text)
    except ValueError as error:
        raise ConfigError(f'{error} in upstream "{text}"', where) from None


def upstream_address(text: str, where: Where) -> Written:
    """An address that is connected to: a host with a port, or a unix socket."""
    written = parsed(text, where)
    if not written.port and written.kind is not Kind.UNIX:
        raise ConfigError(f'no port in upstream "{text}"', where)
    return written


def peers(text: str, written: Written, where: Where, context: Context, **fields: Any) -> tuple[Peer, ...]:
    """The peers of an address. A name that has none now is kept: workers ask again."""
    fields |= {"host": written.host, "port": written.port, "where": where}
    if written.kind is not Kind.NAME:
        return (Peer(text, written.at(written.port), **(fields | {"resolve": False})),)
    if fields.get("resolve"):
        return (Peer(text, None, **fields),)  # the worker asks for it, and goes on asking
    addresses = context.resolve(written.host)
    if not addresses:
        context.warn(f'host not found in upstream "{text}"', where)
        return (Peer(text, None, **fields),)
    return tuple(Peer(text, numeric(address, written.port), **fields) for address in addresses)


def implicit_upstream(text: str, where: Where, context: Context) -> Upstream:
    """The upstream of a plain address; the same text gives the same one, so that its state is shared."""
    known = context.implicit.get(text)
    if known is None:
        written = upstream_address(text, where)
        known = Upstream(text, peers(text, written, where, context), implicit=True, where=where)
        context.implicit[text] = known
    return known


def named_or_implicit(text: str, where: Where, context: Context) -> Upstream:
    """What `proxy_pass` means: an `upstream {}` of that name, else an address."""
    named = context.upstreams.get(text.lower())
    if named is not None:
        return named
    host, colon, port = text.rpartition(":")
    if colon and port.isdecimal() and host.lower() in context.upstreams:
        raise ConfigError(f'upstream "{host}" may not have port {port}', where)
    try:
        return implicit_upstream(text, where, context)
    except ConfigError as error:
        near = nearest(text, (upstream.name for upstream in context.upstreams.values()))
        raise ConfigError(error.text, where, f'did you mean the upstream "{near}"?' if near else error.hint) from None
