"""Entries of `sources` and `destinations` by what they say, found in a time that does not grow with their number.

An address is one int (`number`), so that a prefix is a shift. A look-up asks once for the address with its port, once
for the address, once for the port, and once for each prefix length in use.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Network
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final, Self, TypeVar

from .branch import Branch
from .model.settings import Network
from .model.stream import Endpoint

V = TypeVar("V")

IP_PORT: Final = 5 << 8
IP: Final = 4 << 8
CIDR_PORT: Final = 3 << 8
"""Between an address and a port, as in Kong's traditional_compatible router."""
PORT: Final = 2 << 8
CIDR: Final = 1 << 8
ANY: Final = 0
"""How specific an entry is; a prefix's class has its length in the low eight bits, of IPv6's 128."""

V6: Final = 1 << 128
"""Set in the number of an IPv6 address, so that ::1 is not 0.0.0.1."""
NO_ADDRESS: Final = -1
"""The number of what is no IP address: a unix socket's client. No prefix holds it."""

Key = int | tuple[int, int] | tuple[int, int, int] | None
"""ip and port: (ip, port). ip: ip. prefix: (shift, ip >> shift, port or -1). port: -2 - port. Neither: None."""


@lru_cache(4096)
def number(ip: str) -> int:
    """An IP address as one int; an IPv4 address mapped into IPv6 counts as IPv4."""
    try:
        if ":" not in ip:
            return int.from_bytes(inet_pton(AF_INET, ip))
        packed = inet_pton(AF_INET6, ip.partition("%")[0])
    except OSError:
        return NO_ADDRESS
    if packed[:12] == b"\0\0\0\0\0\0\0\0\0\0\xff\xff":
        return int.from_bytes(packed[12:])
    return int.from_bytes(packed) | V6


def key_of(entry: Endpoint) -> Key:
    """What an entry is found by."""
    port = -1 if entry.port is None else entry.port
    if entry.network is None:
        return None if port < 0 else -2 - port
    ip, shift = _prefix(entry.network)
    if entry.cidr or shift:
        return (shift, ip >> shift, port)
    return ip if port < 0 else (ip, port)


def _prefix(network: Network) -> tuple[int, int]:
    """A network's first address and how many bits of an address it leaves open."""
    ip = int(network.network_address)
    shift = network.max_prefixlen - network.prefixlen
    if not isinstance(network, IPv6Network):
        return ip, shift
    if shift <= 32 and ip >> 32 == 0xFFFF:
        return ip & 0xFFFFFFFF, shift
    return ip | V6, shift


def rank_of(key: Key, ip: int, port: int) -> int | None:
    """How specifically an entry matches an address and a port; None when it does not."""
    if key is None:
        return ANY
    if isinstance(key, int):
        return (PORT if key == -2 - port else None) if key < 0 else (IP if key == ip else None)
    if len(key) == 2:
        return IP_PORT if key == (ip, port) else None
    shift, prefix, wanted = key
    if prefix != ip >> shift or wanted not in (-1, port):
        return None
    return (CIDR if wanted == -1 else CIDR_PORT) + 128 - shift


class EndpointTable(Branch[Key, V]):
    """Values by entry. It holds only what its entries need: most have a single one."""

    __slots__ = ("_by_key", "_port_shifts", "_shifts", "_tally")

    def __init__(self, by_key: dict[Key, V], more: dict[Key, list[int]] | None = None) -> None:
        """The table keeps the dictionary."""
        self.parents = 1
        self.more = more
        self._by_key = by_key
        self._shifts: tuple[int, ...] = ()
        self._port_shifts: tuple[int, ...] = ()
        self._tally: dict[tuple[int, bool], int] | None = None
        """Prefixes by their shift and by whether they have a port; counted when the table first changes."""
        for key in by_key:
            if not isinstance(key, tuple) or len(key) == 2:
                continue
            if key[2] < 0:
                self._shifts = _with(self._shifts, key[0])
            else:
                self._port_shifts = _with(self._port_shifts, key[0])

    def get(self, key: Key) -> V | None:
        return self._by_key.get(key)

    def put(self, key: Key, value: V) -> None:
        if key not in self._by_key and isinstance(key, tuple) and len(key) == 3:
            self._count(key, 1)
        self._by_key[key] = value

    def take(self, key: Key) -> None:
        if isinstance(key, tuple) and len(key) == 3:
            self._count(key, -1)
        del self._by_key[key]

    def values(self) -> Iterable[V]:
        return self._by_key.values()

    def again(self) -> Self:
        return type(self)(dict(self._by_key))

    def __len__(self) -> int:
        return len(self._by_key)

    def tally(self) -> dict[tuple[int, bool], int]:
        """How many prefixes there are of each sort."""
        if self._tally is None:
            self._tally = {}
            for key in self._by_key:
                if isinstance(key, tuple) and len(key) == 3:
                    sort = (key[0], key[2] >= 0)
                    self._tally[sort] = self._tally.get(sort, 0) + 1
        return self._tally

    def _count(self, key: tuple[int, int, int], step: int) -> None:
        tally, sort = self.tally(), (key[0], key[2] >= 0)
        count = tally.get(sort, 0) + step
        if count:
            tally[sort] = count
        else:
            del tally[sort]
        if count <= 1:
            self._shifts = tuple(sorted([shift for shift, port in tally if not port]))
            self._port_shifts = tuple(sorted([shift for shift, port in tally if port]))

    def find(self, ip: int, port: int) -> list[tuple[int, V]]:
        """The values of every entry that matches, with their ranks, most specific first."""
        found: list[tuple[int, V]] = []
        get = self._by_key.get
        if (value := get((ip, port))) is not None:
            found.append((IP_PORT, value))
        if ip >= 0 and (value := get(ip)) is not None:
            found.append((IP, value))
        if self._port_shifts:
            found += self._in_prefixes(self._port_shifts, ip, port, CIDR_PORT)
        if (value := get(-2 - port)) is not None:
            found.append((PORT, value))
        if self._shifts:
            found += self._in_prefixes(self._shifts, ip, -1, CIDR)
        if (value := get(None)) is not None:
            found.append((ANY, value))
        return found

    def _in_prefixes(self, shifts: tuple[int, ...], ip: int, port: int, rank: int) -> list[tuple[int, V]]:
        get = self._by_key.get
        return [
            (rank + 128 - shift, value) for shift in shifts if (value := get((shift, ip >> shift, port))) is not None
        ]


def _with(shifts: tuple[int, ...], shift: int) -> tuple[int, ...]:
    return shifts if shift in shifts else tuple(sorted((*shifts, shift)))
