"""Servers that share an address: whose options hold, who is the default, which names and certificates they have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ...errors import ConfigError
from ...mapping import ascii_lower
from ...model.address import Address
from ...model.listen import Listen
from ...model.stream import Server
from ...server_names import BadName, ServerNames, name_pattern
from ..tree import Directive, Word
from .context import Context

Key = tuple[Address, bool]


def share(listens: Sequence[tuple[Listen, ...]], context: Context) -> list[tuple[Listen, ...]]:
    """The listens of each server as they hold when servers share an address.

    `ssl` and `proxy_protocol` of one hold for all; options of the socket may be given by one alone.
    """
    shared: dict[Key, list[Listen]] = {}
    for own in listens:
        seen: set[Key] = set()
        for listen in own:
            key = (listen.address, listen.udp)
            if key in seen:
                raise ConfigError(f"a duplicate listen {listen.address}", listen.where)
            seen.add(key)
            shared.setdefault(key, []).append(listen)
    held = {key: merged(some, context) for key, some in shared.items() if len(some) > 1}
    return [tuple(own_form(listen, held) for listen in own) for own in listens]


def own_form(listen: Listen, held: dict[Key, Listen]) -> Listen:
    """A server's listen with what holds for its address."""
    common = held.get((listen.address, listen.udp))
    if common is None:
        return listen
    return replace(common, where=listen.where, default_server=listen.default_server)


def merged(listens: Sequence[Listen], context: Context) -> Listen:
    """What several servers say about one address; raises ConfigError with nginx's sentences."""
    setter: Listen | None = None
    default: Listen | None = None
    for listen in listens:
        if listen.options:
            if setter is not None:
                raise ConfigError(f"duplicate listen options for {listen.address}", listen.where)
            setter = listen
        if listen.default_server:
            if default is not None:
                text = f"a duplicate default server for {listen.address}"
                raise ConfigError(text, listen.where, f"the first is at {default.where}")
            default = listen
    for listen in redefining(listens):
        context.warn(f"protocol options redefined for {listen.address}", listen.where)
    held = setter or listens[0]
    return replace(
        held,
        ssl=any(listen.ssl for listen in listens),
        proxy_protocol=any(listen.proxy_protocol for listen in listens),
    )


def redefining(listens: Sequence[Listen]) -> Iterator[Listen]:
    """Those that nginx warns about: `ssl` and `proxy_protocol` may be left out or repeated, but not both ways."""
    before = protocols(listens[0])
    options = listens[0].options
    said: frozenset[str] | None = None
    changed = False
    for listen in listens[1:]:
        now, own = protocols(listen), listen.options
        options = options or own
        if not now <= before:
            if (options and not own) or changed or not before <= now:
                yield listen
            said, changed = before, True
            before |= now
            continue
        removed = not before <= now
        if (own and (removed or changed)) or said not in (None, now):
            yield listen
        said, changed = now, changed or removed


def protocols(listen: Listen) -> frozenset[str]:
    """What is spoken on a socket before the session's own bytes."""
    words = (("ssl", listen.ssl), ("proxy_protocol", listen.proxy_protocol))
    return frozenset(word for word, wanted in words if wanted)


def server_names(directives: Iterable[Directive], context: Context) -> tuple[str, ...]:
    """The names of `server_name`, checked; in lower case but for expressions."""
    return tuple(server_name(word, context) for directive in directives for word in directive.words)


def server_name(word: Word, context: Context) -> str:
    """One name."""
    name = word.text
    if name.startswith("~"):
        try:
            name_pattern(name)
        except ValueError as error:
            raise ConfigError(str(error), word.where) from None
        return name
    if "/" in name:
        context.warn(f'server name "{name}" has suspicious symbols', word.where)
    if (name.startswith("*") and (len(name) < 3 or name[1] != ".")) or name == ".":
        raise ConfigError(f'server name "{name}" is invalid', word.where)
    return ascii_lower(name)


def check_servers(servers: Sequence[Server], context: Context) -> None:
    """Names that two servers on one address have; certificates where TLS ends."""
    for some in by_address(servers).values():
        check_names(some, context)
        if some[0][0].ssl:
            check_certificates(some)


def by_address(servers: Sequence[Server]) -> dict[Key, list[tuple[Listen, Server]]]:
    """The servers on each address, in the order written."""
    found: dict[Key, list[tuple[Listen, Server]]] = {}
    for server in servers:
        for listen in server.listens:
            found.setdefault((listen.address, listen.udp), []).append((listen, server))
    return found


def check_names(some: Sequence[tuple[Listen, Server]], context: Context) -> None:
    """nginx's sentences about names that are none, and about those that another server has already."""
    names = ServerNames()
    for number, (listen, server) in enumerate(some):
        for name in server.names or ("",):
            try:
                new = names.add(name, number)
            except BadName:
                text = f'invalid server name or wildcard "{name}" on {listen.address}'
                raise ConfigError(text, server.where) from None
            if not new:
                context.warn(f'conflicting server name "{name}" on {listen.address}, ignored', server.where)


def check_certificates(some: Sequence[tuple[Listen, Server]]) -> None:
    """The default server has a certificate, or refuses every handshake and then all the others have one."""
    ordered = sorted(some, key=lambda pair: not pair[0].default_server)
    for listen, server in ordered:
        tls = server.settings.tls
        if tls.pairs or tls.templates:
            if server is ordered[0][1]:
                return
        elif not tls.reject_handshake:
            text = 'no "ssl_certificate" is defined for the "listen ... ssl" directive'
            raise ConfigError(text, listen.where)
