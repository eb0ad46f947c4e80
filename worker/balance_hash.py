"""`hash KEY` and `hash KEY consistent`: the same key meets the same peer, on every worker and every node.

The arithmetic is nginx's, which took it from Perl's Cache::Memcached and Cache::Memcached::Fast, so that keys stay
where they are when a cluster moves from nginx to Penstock one node at a time.

Nothing is kept for a session between its tries: the walk is done again, and a peer met for the first time where an
earlier try of this session went does not count as a miss. A key that meets no live peer within MISSES steps, an
empty key, and a peer that is alone are left to the round robin, and with it the backups.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final
from zlib import crc32

from ..shared.model.upstream import Peer
from ..shared.view import SessionView
from .balance import Balancer
from .peer import PeerState

MISSES: Final = 20
POINTS: Final = 160
"""Points of the circle for each unit of weight."""


class KeyedBalancer(Balancer, ABC):
    """What the two have in common: a key rendered per session, and round robin where hashing leads nowhere."""

    __slots__ = ("_ring",)

    _ring: tuple[PeerState, ...]
    """The peers that are hashed over: all but the backups, those that are `down` too."""

    def pick(self, tried: int = 0, session: SessionView | None = None) -> PeerState | None:
        key = b"" if self._single is not None else self._key(session)
        if key:
            state = self._walk(key, tried)
            if state is not None:
                state.conns += 1
                return state
        return super().pick(tried)

    def _key(self, session: SessionView | None) -> bytes:
        template = self.upstream.key
        if template is None or session is None:
            return b""
        return template.render(session).encode("utf-8", "surrogateescape")

    @abstractmethod
    def _walk(self, key: bytes, tried: int) -> PeerState | None: ...

    def _arrange(self, states: Iterable[PeerState]) -> None:
        super()._arrange(states)
        self._ring = tuple(state for state in self.states if not state.peer.backup)
        self._prepare()

    @abstractmethod
    def _prepare(self) -> None: ...


class HashBalancer(KeyedBalancer):
    """`hash KEY`: the remainder of the key's checksum by all weights; a miss adds the checksum of the next rehash."""

    __slots__ = ("_ends",)

    _ends: tuple[int, ...]
    """Where the share of each peer ends among the remainders."""

    def _prepare(self) -> None:
        self._ends = tuple(accumulate(state.weight for state in self._ring))

    def _walk(self, key: bytes, tried: int) -> PeerState | None:
        ends = self._ends
        if not ends:
            return None
        now = self._clock()
        unmet = tried
        misses = rehash = total = 0
        while misses <= MISSES:
            total += crc32(b"%d%b" % (rehash, key) if rehash else key) >> 16 & 0x7FFF
            rehash += 1
            state = self._ring[bisect_right(ends, total % ends[-1])]
            if unmet & state.bit:
                unmet ^= state.bit  # this is where an earlier try went
            elif tried & state.bit or state.peer.down or (state.guarded and not state.available(now)):
                misses += 1
            else:
                if state.fails:
                    state.chosen(now)
                return state
        return None


class ConsistentBalancer(KeyedBalancer):
    """`hash KEY consistent`: the next point on a circle of points, so that a peer that goes moves only its own keys.

    The points belong to the names that were written. Where one has several addresses, those take turns.
    """

    __slots__ = ("_groups", "_owners", "_points")

    _points: tuple[int, ...]
    _owners: tuple[str, ...]
    """The name that a point belongs to."""
    _groups: dict[str, tuple[PeerState, ...]]
    """The addresses of a name that are not `down`."""

    def _prepare(self) -> None:
        groups: dict[str, list[PeerState]] = {}
        circle: dict[int, str] = {}
        for state in self._ring:
            name = state.peer.name
            if name not in groups:
                groups[name] = []
            for point in points(state.peer):
                circle.setdefault(point, name)
            if not state.peer.down:
                groups[name].append(state)
        ordered = sorted(circle.items())
        self._points = tuple(point for point, _ in ordered)
        self._owners = tuple(name for _, name in ordered)
        self._groups = {name: tuple(states) for name, states in groups.items()}

    def _walk(self, key: bytes, tried: int) -> PeerState | None:
        count = len(self._points)
        if not count:
            return None
        first = bisect_left(self._points, crc32(key))
        for place in range(first, first + MISSES + 1):
            group = self._groups[self._owners[place % count]]
            state = self._richest(group, tried)
            if state is not None:
                return state
        return None


def points(peer: Peer) -> Iterator[int]:
    """The points of a server: each the checksum of host, NUL, port and the point before."""
    host, port = halves(peer.name)
    base = crc32(b"%b\0%b" % (host.encode(), port.encode()))
    point = 0
    for _ in range(peer.weight * POINTS):
        point = crc32(point.to_bytes(4, "little"), base)
        yield point


def halves(name: str) -> tuple[str, str]:
    """Host and port of a server as it is written: nginx cuts at a colon that only digits follow."""
    if name[:5].lower() == "unix:":
        return name[5:], ""
    host, colon, port = name.rpartition(":")
    if colon and (not port or (port.isascii() and port.isdigit())):
        return host, port
    return name, ""
