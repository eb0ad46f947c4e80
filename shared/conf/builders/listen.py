"""`listen` of a server and `stream_listen` of the gateway."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from ...errors import ConfigError
from ...model.address import Address
from ...model.listen import Keepalive, Listen, Mode
from ...starttls.protocols import NOT_POSSIBLE, PROTOCOLS
from .. import values
from ..suggest import nearest
from ..tree import Directive, Word
from .addresses import Kind, Written, numeric, parse_address
from .context import Context

NOT_WITH_UDP: Final = ("ssl", "proxy_protocol", "so_keepalive", "backlog", "fastopen", "multipath")
SWITCHES: Final = ("bind", "reuseport", "udp", "ssl", "proxy_protocol", "deferred", "multipath", "default_server")
IGNORED: Final = ("setfib", "accept_filter")
"""FreeBSD's."""
NO_OPTIONS: Final = ("udp", "ssl", "proxy_protocol", "default_server", "default")
"""What is not about the socket, or is what makes it another one."""
MODES: Final = {"ssl": Mode.TLS, "plain": Mode.PLAIN}
SERVER_WORDS: Final = (
    *SWITCHES,
    "default",
    "backlog",
    "rcvbuf",
    "sndbuf",
    "fastopen",
    "ipv6only",
    "so_keepalive",
    *IGNORED,
)
GATEWAY_WORDS: Final = tuple(
    sorted({*SERVER_WORDS, "plain", "starttls"} - {"udp", "default_server", "default", *IGNORED})
)

Parameters = dict[str, Any]
"""Fields of Listen; `Any` because they are of several types, which `Listen(**…)` and its readers know."""


class Listeners:
    """Every address that is listened on: several servers may share one (`virtual_servers`), the gateway shares none."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.taken: dict[tuple[Address, bool], Listen] = {}

    def of_server(self, server: Directive) -> tuple[Listen, ...]:
        """The addresses of a server."""
        return tuple(listen for each in server.block or () if each.name == "listen" for listen in self.server(each))

    def server(self, directive: Directive) -> tuple[Listen, ...]:
        """The addresses of one `listen`."""
        return self._build(directive, server_parameter, {"mode": Mode.SERVER})

    def gateway(self, directive: Directive) -> tuple[Listen, ...]:
        """The addresses of one `stream_listen`."""
        fields: Parameters = {"mode": Mode.SNIFF}
        listens = self._build(directive, gateway_parameter, fields)
        if fields.get("starttls") and fields["mode"] is Mode.PLAIN:
            raise ConfigError('"plain" and "starttls=" exclude each other', directive.where)
        return listens

    def _build(
        self, directive: Directive, parameter: Callable[[Word, Parameters], None], fields: Parameters
    ) -> tuple[Listen, ...]:
        addresses = self._addresses(directive.words[0], directive.name)
        for word in directive.words[1:]:
            parameter(word, fields)
        if fields.get("udp"):
            refuse_with_udp(directive, fields)
        return tuple(self._take(Listen(address, directive.where, **fields)) for address in addresses)

    def _addresses(self, word: Word, name: str) -> list[Address]:
        def wrong(reason: object) -> ConfigError:
            return ConfigError(f'{reason} in "{word.text}" of the "{name}" directive', word.where)

        try:
            written = parse_address(word.text, listen=True)
        except ValueError as error:
            raise wrong(error) from None
        if written.kind is Kind.UNIX:
            return [written.at(0)]
        hosts = self.context.resolve(written.host) if written.kind is Kind.NAME else [written.host]
        if not hosts:
            raise wrong("host not found")
        if not written.port:
            raise wrong("no port")
        found = [numeric(host, port) for host in hosts for port in ports(written)]
        return list(dict.fromkeys(found))

    def _take(self, listen: Listen) -> Listen:
        key = (listen.address, listen.udp)
        other = self.taken.setdefault(key, listen)
        if other is not listen and (listen.mode is not Mode.SERVER or other.mode is not Mode.SERVER):
            text = f'duplicate "{listen.address}" address and port pair'
            raise ConfigError(text, listen.where, f"it is already listened on at {other.where}")
        return listen


def ports(written: Written) -> range:
    """The ports of an address."""
    return range(written.port, written.last_port + 1)


def server_parameter(word: Word, fields: Parameters) -> None:
    """One parameter of `listen`."""
    name, equals, value = word.text.partition("=")
    if name not in NO_OPTIONS:
        fields["options"] = True
    if not equals and name in SWITCHES:
        fields[name] = True
    elif not equals and name == "default":
        fields["default_server"] = True
    elif equals and name in IGNORED:
        return
    elif equals and name in VALUED:
        VALUED[name](word, value, fields)
    else:
        raise unknown_parameter(word, SERVER_WORDS)


def gateway_parameter(word: Word, fields: Parameters) -> None:
    """One parameter of `stream_listen`: `ssl` and `plain` are modes there, and there is no UDP."""
    mode = MODES.get(word.text)
    name, equals, value = word.text.partition("=")
    if name == "starttls" and equals:
        fields["starttls"] = starttls(word, value)
    elif mode is None:
        if word.text.partition("=")[0] not in GATEWAY_WORDS:
            raise unknown_parameter(word, GATEWAY_WORDS)
        server_parameter(word, fields)
    elif fields["mode"] in (Mode.SNIFF, mode):
        fields["mode"] = mode
    else:
        raise ConfigError('"ssl" and "plain" exclude each other', word.where)


def starttls(word: Word, value: str) -> str:
    """The protocol of `starttls=`."""
    if value in NOT_POSSIBLE:
        raise ConfigError(f'"starttls={value}" is not possible', word.where, NOT_POSSIBLE[value])
    if value not in PROTOCOLS:
        near = nearest(value, PROTOCOLS)
        hint = f'did you mean "{near}"?' if near else f"expected one of {', '.join(PROTOCOLS)}"
        raise ConfigError(f'unknown protocol "{value}" of "starttls"', word.where, hint)
    return value


def unknown_parameter(word: Word, known: tuple[str, ...]) -> ConfigError:
    """nginx's sentence, and the nearest name."""
    near = nearest(word.text.partition("=")[0], known)
    return ConfigError(f'the invalid "{word.text}" parameter', word.where, f'did you mean "{near}"?' if near else "")


def refuse_with_udp(directive: Directive, fields: Parameters) -> None:
    """What a datagram socket cannot have."""
    for name in NOT_WITH_UDP:
        if name in fields:
            text = f'"{directive.name}" directive "{name}" parameter is incompatible with "udp"'
            raise ConfigError(text, directive.where)


def _count(least: int) -> Callable[[Word, str, Parameters], None]:
    def parse(word: Word, value: str, fields: Parameters) -> None:
        name = word.text.partition("=")[0]
        if not re.fullmatch("[0-9]{1,9}", value) or int(value) < least:
            raise ConfigError(f'invalid {name} "{word.text}"', word.where)
        fields[name] = int(value)

    return parse


def _buffer(word: Word, value: str, fields: Parameters) -> None:
    name = word.text.partition("=")[0]
    try:
        fields[name] = values.size(Word(value, word.where))
    except ConfigError as error:
        raise ConfigError(f'invalid {name} "{word.text}"', word.where, error.hint) from None


def _ipv6only(word: Word, value: str, fields: Parameters) -> None:
    if value not in ("on", "off"):
        raise ConfigError(f'the invalid "{word.text}" parameter', word.where, 'expected "on" or "off"')
    fields["ipv6only"] = value == "on"


def _keepalive(word: Word, value: str, fields: Parameters) -> None:
    fields["so_keepalive"] = keepalive(word, value)


def keepalive(word: Word, value: str) -> Keepalive:
    """`on`, `off`, or `[idle]:[interval]:[count]` with at least one of them."""
    if value in ("on", "off"):
        return Keepalive(value == "on")
    idle, _, rest = value.partition(":")
    interval, _, count = rest.partition(":")
    wrong = ConfigError(f'invalid so_keepalive value: "{value}"', word.where, "expected on, off or idle:interval:count")
    if not (idle or interval or count) or not re.fullmatch("[0-9]*", count):
        raise wrong
    try:
        times = [int(values.whole_seconds(Word(text, word.where))) if text else None for text in (idle, interval)]
    except ConfigError:
        raise wrong from None
    return Keepalive(True, times[0], times[1], int(count) if count else None)


VALUED: Final[dict[str, Callable[[Word, str, Parameters], None]]] = {
    "backlog": _count(1),
    "fastopen": _count(0),
    "rcvbuf": _buffer,
    "sndbuf": _buffer,
    "ipv6only": _ipv6only,
    "so_keepalive": _keepalive,
}
