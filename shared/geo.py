"""`geo`: a variable whose value is chosen by an address (https://nginx.org/en/docs/stream/ngx_stream_geo_module.html).

However the ranges are written, they end as one sorted list of disjoint spans per address family, in which an address
is found by bisection. What is no address (a unix socket's client, text that cannot be parsed) is looked up as
255.255.255.255, as nginx does; an IPv4 address inside IPv6 as the IPv4 address that it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from socket import AF_INET6, inet_ntoa, inet_pton
from typing import Final, NamedTuple

from .view import SessionView

NOWHERE: Final = 0xFFFFFFFF
"""255.255.255.255."""
MAPPED: Final = 0xFFFF << 32
"""::ffff:0:0."""
BLOCK_BITS: Final = 16
BLOCK_MASK: Final = (1 << BLOCK_BITS) - 1

Span = tuple[int, int, str]
"""First address, last address, value."""


class Overlap(ValueError):
    """A range covers a part of an earlier one; the arguments are the earlier one's first and last address."""


class Table:
    """Disjoint spans in order, and the value of everything between them."""

    __slots__ = ("_starts", "_values")

    def __init__(self, spans: Iterator[Span], default: str) -> None:
        starts = [0]
        values = [default]
        for first, last, value in spans:
            if starts[-1] == first:
                values[-1] = value
            else:
                starts.append(first)
                values.append(value)
            starts.append(last + 1)
            values.append(default)
        self._starts = starts
        self._values = values

    def find(self, address: int) -> str:
        """The value of an address."""
        return self._values[bisect_right(self._starts, address) - 1]


class Network(NamedTuple):
    """A network by its first and last address."""

    wide: bool
    """Whether it is IPv6."""
    first: int
    last: int


class Networks:
    """Networks that may lie inside one another: the smallest that holds an address gives its value."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[Network, str] = {}

    def add(self, network: Network, value: str) -> str | None:
        """Give a network a value; the one that it had."""
        old = self._values.get(network)
        self._values[network] = value
        return old

    def delete(self, network: Network) -> bool:
        """Forget a network; False when it is not there."""
        return self._values.pop(network, None) is not None

    def table(self, *, wide: bool) -> Table:
        """What finds the value of an IPv6 address, or of an IPv4 one."""
        nested = [(first, last, value) for (six, first, last), value in self._values.items() if six is wide]
        return Table(flattened(nested), "")


class Ranges:
    """Ranges of IPv4 addresses, and the default for all others.

    nginx keeps them by blocks of 65536 addresses, and what it says of duplicates and overlaps follows from that: the
    parts of a wide range are compared block by block.
    """

    __slots__ = ("_blocks", "default")

    def __init__(self) -> None:
        self._blocks: dict[int, list[Span]] = {}
        self.default: str | None = None

    def add(self, first: int, last: int, value: str) -> str | None:
        """Give a range a value; an old value that it had, in whole blocks at least. Raises Overlap."""
        replaced = None
        for start, end in pieces(first, last):
            block = self._blocks.setdefault(start >> BLOCK_BITS, [])
            old = place(block, start, end, value)
            replaced = old if replaced is None else replaced
        return replaced

    def delete(self, first: int, last: int) -> bool:
        """Forget a range; False when one of its parts is not there."""
        complete = True
        for start, end in pieces(first, last):
            block = self._blocks.get(start >> BLOCK_BITS, [])
            index = span_at(block, start)
            if index >= 0 and block[index][:2] == (start, end):
                del block[index]
            else:
                complete = False
        return complete

    def table(self) -> Table:
        """What finds the value of an address."""
        return Table((span for number in sorted(self._blocks) for span in self._blocks[number]), self.default or "")


class Geo:
    """A compiled `geo`; `getter` is what its variable reads."""

    __slots__ = ("_four", "_six", "_source", "name")

    def __init__(self, source: Callable[[SessionView], str | None], name: str, four: Table, six: Table | None) -> None:
        """Without a table for IPv6, its addresses are nowhere."""
        self.name = name
        self._source = source
        self._four = four
        self._six = six

    def getter(self, session: SessionView) -> str:
        """The value for a session, found once and kept."""
        known = session.values.get(self.name)
        if known is None:
            known = session.values[self.name] = self.find(self._source(session) or "")
        return known

    def find(self, text: str) -> str:
        """The value of an address as text."""
        if ":" not in text:
            number = ipv4_number(text)
            return self._four.find(NOWHERE if number is None else number)
        wide = ipv6_number(text)
        if wide is not None and wide >> 32 != MAPPED >> 32:
            return self._four.find(NOWHERE) if self._six is None else self._six.find(wide)
        return self._four.find(NOWHERE if wide is None else wide & NOWHERE)


def flattened(nested: list[Span]) -> Iterator[Span]:
    """The spans into which networks that lie inside one another divide the addresses."""
    nested.sort(key=lambda span: (span[0], -span[1]))
    around: list[Span] = []  # what holds the next address, outermost first
    here = 0
    for network in nested:
        while around and around[-1][1] < network[0]:
            _, last, value = around.pop()
            if here <= last:
                yield here, last, value
                here = last + 1
        if around and here < network[0]:
            yield here, network[0] - 1, around[-1][2]
        here = network[0]
        around.append(network)
    while around:
        _, last, value = around.pop()
        if here <= last:
            yield here, last, value
            here = last + 1


def pieces(first: int, last: int) -> Iterator[tuple[int, int]]:
    """A range, cut at the borders of blocks."""
    while first <= last:
        end = min(last, first | BLOCK_MASK)
        yield first, end
        first = end + 1


def span_at(block: list[Span], address: int) -> int:
    """The index of the last span that begins at or before an address; -1 for none."""
    if block and block[-1][0] <= address:  # most files are sorted
        return len(block) - 1
    return bisect_right(block, address, key=beginning) - 1


def beginning(span: Span) -> int:
    """The first address of a span."""
    return span[0]


def place(block: list[Span], start: int, end: int, value: str) -> str | None:
    """Put a span into its block: between others, in place of an equal one, or into a larger one. Raises Overlap.

    The value of an equal one is returned. What overlaps is looked for from behind, as the complaint shows.
    """
    index = span_at(block, end)
    if index < 0 or block[index][1] < start:
        block.insert(index + 1, (start, end, value))
        return None
    first, last, old = block[index]
    if (first, last) == (start, end):
        block[index] = (start, end, value)
        return old
    if start < first or last < end:
        raise Overlap(first, last)
    around = [(first, start - 1, old), (start, end, value), (end + 1, last, old)]
    block[index : index + 1] = [span for span in around if span[0] <= span[1]]
    return None


def dotted(address: int) -> str:
    """An IPv4 address as text."""
    return inet_ntoa(address.to_bytes(4))


def ipv4_number(text: str) -> int | None:
    """An IPv4 address as nginx reads it: four decimal numbers, zeros before them allowed; None for anything else."""
    parts = text.split(".")
    if len(parts) != 4 or not text.isascii():
        return None
    a, b, c, d = parts
    if not (a.isdigit() and b.isdigit() and c.isdigit() and d.isdigit()):
        return None
    first, second, third, fourth = int(a), int(b), int(c), int(d)
    if first > 255 or second > 255 or third > 255 or fourth > 255:
        return None
    return first << 24 | second << 16 | third << 8 | fourth


def ipv6_number(text: str) -> int | None:
    """An IPv6 address, with or without a scope; None for anything else."""
    try:
        return int.from_bytes(inet_pton(AF_INET6, text.partition("%")[0]))
    except (OSError, ValueError):
        return None


def network_of(text: str) -> tuple[Network, bool] | None:
    """An address or CIDR, and whether bits were dropped that mean nothing in it; None for anything else.

    nginx takes 255.255.255.255 for a mistake, except where it stands alone.
    """
    host, slash, size = text.partition("/")
    wide = ":" in host
    bits = 128 if wide else 32
    address = ipv6_number(host) if wide else ipv4_number(host)
    if address is None or "%" in host or (not wide and address == NOWHERE and slash):
        return None
    if slash:
        if not size.isascii() or not size.isdigit() or int(size) > bits:
            return None
        bits -= int(size)
    else:
        bits = 0
    rest = (1 << bits) - 1
    return Network(wide, address & ~rest, address | rest), bool(address & rest)


def range_of(text: str) -> tuple[int, int] | None:
    """Two IPv4 addresses with `-` between them, the smaller one first; None for anything else."""
    start, _, end = text.partition("-")
    first, last = ipv4_number(start), ipv4_number(end)
    if first is None or last is None or first > last or last == NOWHERE:
        return None
    return first, last
