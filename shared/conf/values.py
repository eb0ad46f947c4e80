"""What single words mean: switches, numbers, sizes, times, addresses, networks.

Each function takes a Word and returns its value, or raises ConfigError at the word's place with nginx's text for
that mistake. `directive` is the name to put into the text; a parameter inside a directive has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_interface
from socket import AF_INET, AF_INET6, AF_UNIX
from typing import Final

from ..errors import ConfigError
from ..model.address import Address
from ..model.settings import Network
from ..model.stream import Notice
from .suggest import nearest
from .tree import Word

LARGEST: Final = 2**63 - 1
"""nginx's numbers, sizes and times are signed 64-bit integers."""

DIGITS: Final = re.compile(r"[0-9]+")
SIZE: Final = re.compile(r"([0-9]+)([kKmMgG]?)")
SCALE: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
TIME_PART: Final = re.compile(r"([0-9]+)(ms|[yMwdhms ]|$) *")
"""A space right after a number counts as `s`, so that nginx reads `1 2` as three seconds; no unit may follow then."""
TIME_UNITS: Final = {"y": 31536000, "M": 2592000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
TIME_ORDER: Final = tuple(TIME_UNITS)
PORT_RANGE: Final = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")


def flag(word: Word, directive: str = "") -> bool:
    """`on` or `off`, in any case."""
    text = word.text.lower()
    if text not in ("on", "off"):
        inside = f' in "{directive}" directive' if directive else ""
        raise ConfigError(f'invalid value "{word.text}"{inside}, it must be "on" or "off"', word.where)
    return text == "on"


def number(word: Word, directive: str = "", *, least: int = 0, most: int = LARGEST) -> int:
    """A whole number without sign."""
    if not DIGITS.fullmatch(word.text) or not least <= int(word.text) <= most:
        limits = f"a whole number from {least} to {most}" if (least, most) != (0, LARGEST) else "a whole number"
        raise invalid(word, directive, "number", f"expected {limits}")
    return int(word.text)


def size(word: Word, directive: str = "") -> int:
    """Bytes, with `k`, `m` or `g`. nginx has `g` only for offsets; here they are the same."""
    found = SIZE.fullmatch(word.text)
    value = int(found[1]) * SCALE[found[2].lower()] if found else LARGEST + 1
    if value > LARGEST:
        raise invalid(word, directive, "value", "expected a size such as 512, 16k, 1m or 2g")
    return value


offset = size


def time(word: Word, directive: str = "") -> float:
    """Seconds: `30`, `1h30m`, `1m 30s`, `500ms`; units descend, a number without unit is seconds.

    Years and months are taken everywhere, which nginx does only where milliseconds are not.
    """
    return duration(word, directive, 1.0)


def kong_time(word: Word, directive: str = "") -> float:
    """Seconds, of a text in which a number without unit is milliseconds, as in Kong's fields."""
    return duration(word, directive, 0.001)


def whole_seconds(word: Word, directive: str = "") -> float:
    """Seconds of a directive that does not take milliseconds (`fail_timeout=`, `resolver … valid=`)."""
    value = duration(word, directive, 1.0)
    if "ms" in word.text:
        raise invalid(word, directive, "value", "milliseconds are not possible here")
    return value


def duration(word: Word, directive: str, bare: float) -> float:
    """Seconds of a time whose last part, when it has no unit, counts `bare` seconds."""
    total = 0.0
    position = 0
    last_unit = -1
    while found := TIME_PART.match(word.text, position):
        unit = found[2].replace(" ", "s")
        if unit:
            order = TIME_ORDER.index(unit)
            if order <= last_unit:
                break
            last_unit = len(TIME_ORDER) if found[2] == " " else order
        total += int(found[1]) * (TIME_UNITS[unit] if unit else bare)
        position = found.end()
        if not unit:
            break
    if position == 0 or position != len(word.text) or total > LARGEST:
        raise invalid(word, directive, "value", "expected a time such as 30s, 1h30m or 500ms")
    return total


def enum(word: Word, choices: Iterable[str], directive: str = "", *, complaint: str = "invalid value") -> str:
    """One of `choices`, compared as nginx does, without case; returns the choice as listed."""
    known = tuple(choices)
    for choice in known:
        if word.text.lower() == choice.lower():
            return choice
    near = nearest(word.text, known)
    hint = f'did you mean "{near}"?' if near else "expected one of: " + ", ".join(known)
    inside = f' in "{directive}" directive' if directive else ""
    raise ConfigError(f'{complaint} "{word.text}"{inside}', word.where, hint)


def port(word: Word, directive: str = "") -> int:
    """A port from 1 to 65535."""
    if (value := port_number(word.text)) is None:
        raise ConfigError(f'invalid port in "{word.text}"{of_directive(directive)}', word.where)
    return value


@dataclass(frozen=True, slots=True)
class HostPort:
    """An address as written: host and ports, before a name has been resolved."""

    family: int | None
    """AF_INET, AF_INET6 (host without brackets) or AF_UNIX (host is the path); None for a name."""
    host: str
    first: int = 0
    last: int = 0
    """Equal to `first` unless a range was written."""

    def addresses(self) -> tuple[Address, ...]:
        """The numeric addresses, one per port. Not for names."""
        assert self.family is not None
        return tuple(Address(self.family, self.host, port) for port in range(self.first, self.last + 1))


def host_port(word: Word, default_port: int | None, directive: str = "", *, listen: bool = False) -> HostPort:
    """Cut `host:port`, `[v6]:port`, `unix:/path`; with `listen` also `*:80`, a bare port, and ranges `80-82`.

    A missing port is `default_port`; where that is None it is an error.
    """
    text = word.text

    def wrong(reason: str) -> ConfigError:
        return ConfigError(f'{reason} in "{text}"{of_directive(directive)}', word.where)

    if text.lower().startswith("unix:"):
        if len(text) == 5:
            raise wrong("no path in the unix domain socket")
        return HostPort(AF_UNIX, text[5:])
    if text.startswith("["):
        return bracketed(text, default_port, wrong, ranges=listen)
    host, colon, ports = text.partition(":")
    if ":" in ports:
        raise wrong("invalid port")  # an IPv6 address without its brackets, most often
    if not colon and listen and (host.isdigit() or PORT_RANGE.fullmatch(host)):
        host, colon, ports = "*", ":", host
    if not host:
        raise wrong("no host")
    first, last = port_range(ports if colon else None, default_port, wrong, ranges=listen)
    if host == "*" and listen:
        return HostPort(AF_INET, "0.0.0.0", first, last)
    return HostPort(AF_INET if is_ipv4(host) else None, host, first, last)


def address(word: Word, default_port: int | None, directive: str = "") -> Address:
    """A numeric address to listen on or connect to; a name is an error here, since nothing is resolved."""
    found = host_port(word, default_port, directive, listen=True)
    if found.family is None:
        raise ConfigError(f'host not found in "{word.text}"{of_directive(directive)}', word.where)
    if found.first != found.last:
        text = f'invalid port in "{word.text}"{of_directive(directive)}'
        raise ConfigError(text, word.where, "one port is expected")
    return Address(found.family, found.host, found.first)


def network(word: Word) -> tuple[Network, Notice | None]:
    """An address or CIDR; host bits are masked off, which the notice says in nginx's words."""
    text = word.text
    try:
        if "%" in text or text.count("/") > 1 or not re.fullmatch(r"[^/]+(/[0-9]+)?", text):
            raise ValueError(text)
        interface = ip_interface(text)
    except ValueError:
        hint = "expected an address or a network such as 10.0.0.0/8 or 2001:db8::/32"
        raise ConfigError(f'invalid parameter "{text}"', word.where, hint) from None
    if interface.ip == interface.network.network_address:
        return interface.network, None
    return interface.network, Notice("warn", f"low address bits of {text} are meaningless", word.where)


def bracketed(text: str, default_port: int | None, wrong: Callable[[str], ConfigError], *, ranges: bool) -> HostPort:
    """`[v6]` or `[v6]:port`."""
    host, bracket, rest = text[1:].partition("]")
    if not bracket or (rest and not rest.startswith(":")):
        raise wrong("invalid host")
    if not host:
        raise wrong("no host")
    if not is_ipv6(host):
        raise wrong("invalid IPv6 address")
    first, last = port_range(rest[1:] if rest else None, default_port, wrong, ranges=ranges)
    return HostPort(AF_INET6, host, first, last)


def port_range(
    text: str | None, default: int | None, wrong: Callable[[str], ConfigError], *, ranges: bool
) -> tuple[int, int]:
    """The first and last port of `text`, or the default where nothing was written."""
    if text is None:
        if default is None:
            raise wrong("no port")
        return default, default
    if ranges and (found := PORT_RANGE.fullmatch(text)):
        first, last = port_number(found[1]), port_number(found[2])
        if first is None or last is None:
            raise wrong("invalid port")
        if first > last:
            raise wrong("invalid port range")
        return first, last
    if (single := port_number(text)) is None:
        raise wrong("invalid port")
    return single, single


def port_number(text: str) -> int | None:
    """A port from 1 to 65535, or None."""
    if not DIGITS.fullmatch(text) or not 1 <= int(text) <= 65535:
        return None
    return int(text)


def is_ipv4(text: str) -> bool:
    """Whether `text` is a dotted IPv4 address of four parts."""
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def is_ipv6(text: str) -> bool:
    """Whether `text` is an IPv6 address without a scope."""
    try:
        return not IPv6Address(text).scope_id
    except ValueError:
        return False


def of_directive(directive: str) -> str:
    """nginx's ending of an address error."""
    return f' of the "{directive}" directive' if directive else ""


def invalid(word: Word, directive: str, noun: str, hint: str) -> ConfigError:
    """nginx's text for a number, size or time; for a parameter, which has no directive, one that quotes it."""
    text = f'"{directive}" directive invalid {noun}' if directive else f'invalid {noun} "{word.text}"'
    return ConfigError(text, word.where, hint)
