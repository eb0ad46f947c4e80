r"""The PROXY protocol's version 1: one line of text (specification, section 2.1).

`PROXY TCP4 192.0.2.1 192.0.2.2 51234 443\r\n`, at most 107 bytes. Everything is strict, as the specification asks: one
space between words, addresses that `inet_pton` takes, ports from 0 to 65535 without leading zeros.
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, AddressFamily, inet_ntop, inet_pton
from typing import Final

from .proxy_header import NOT_PROXY, AddressPort, Outcome, ProxyHeader, Read, malformed, more

PREFIX: Final = b"PROXY "
MAX_LINE: Final = 107
"""With the CRLF, the longest: two IPv6 addresses and two ports of five digits."""
SHORTEST: Final = len("PROXY UNKNOWN\r\n")

UNKNOWN: Final = b"PROXY UNKNOWN\r\n"

_FAMILIES: Final = {"TCP4": AF_INET, "TCP6": AF_INET6}


def read_v1(data: bytes) -> Read:
    """Read a header at the start of `data`."""
    if not data.startswith(PREFIX):
        return more(len(data) + 1) if PREFIX.startswith(data) else NOT_PROXY
    end = data.find(b"\n", 0, MAX_LINE)
    if end < 0:
        if len(data) >= MAX_LINE:
            return malformed(f"version 1 without a line's end in {MAX_LINE} bytes")
        return more(max(len(data) + 1, SHORTEST))
    if data[end - 1 : end] != b"\r":
        return malformed("version 1 line that ends without CR")
    return _line(data[len(PREFIX) : end - 1].decode("latin-1"), end + 1)


def _line(line: str, length: int) -> Read:
    words = line.split(" ")
    if words[0] == "UNKNOWN":
        return Read(Outcome.HEADER, ProxyHeader(1, length))  # the rest of the line is to be ignored
    family = _FAMILIES.get(words[0])
    if family is None:
        return malformed("version 1 with a protocol other than TCP4, TCP6, UNKNOWN")
    if len(words) != 5:
        return malformed(f"version 1 with {len(words)} words after PROXY instead of 5")
    source, destination = _address(words[1], family), _address(words[2], family)
    if source is None or destination is None:
        return malformed(f"version 1 with an address that is not {words[0]}'s")
    ports = [_port(word) for word in words[3:]]
    if None in ports:
        return malformed("version 1 with a port that is not a number from 0 to 65535")
    return Read(Outcome.HEADER, ProxyHeader(1, length, (source, ports[0] or 0), (destination, ports[1] or 0)))


def _address(text: str, family: AddressFamily) -> str | None:
    try:
        return inet_ntop(family, inet_pton(family, text))
    except (OSError, ValueError):  # ValueError: a NUL within
        return None


def _port(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or (len(text) > 1 and text[0] == "0"):
        return None
    port = int(text)
    return port if port <= 0xFFFF else None


def build_v1(source: AddressPort, destination: AddressPort) -> bytes:
    """The header that says who speaks to whom. What is no IP address (a unix socket) gives UNKNOWN."""
    pair = same_family(source[0], destination[0])
    if pair is None:
        return UNKNOWN
    word = "TCP6" if ":" in pair[0] else "TCP4"
    return f"PROXY {word} {pair[0]} {pair[1]} {source[1]} {destination[1]}\r\n".encode("ascii")


def same_family(source: str, destination: str) -> tuple[str, str] | None:
    """Both addresses in one family, an IPv4 one mapped into IPv6 where they differ; None when one is neither."""
    pair = (_bare(source), _bare(destination))
    if None in pair or not (pair[0] and pair[1]):
        return None
    if (":" in pair[0]) == (":" in pair[1]):
        return pair[0], pair[1]
    return _mapped(pair[0]), _mapped(pair[1])


def _bare(text: str) -> str | None:
    """The canonical text of an IP address without its scope (`%eth0`)."""
    family = AF_INET6 if ":" in text else AF_INET
    return _address(text.partition("%")[0], family)


def _mapped(text: str) -> str:
    return text if ":" in text else f"::ffff:{text}"
