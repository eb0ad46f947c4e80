"""`geo`: lines of addresses and values."""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import ConfigError
from ...geo import Geo, Network, Networks, Overlap, Ranges, Table, dotted, network_of, range_of
from ...template import Getter, UnknownVariable
from ..tree import Directive
from .context import Context

EVERYTHING = (Network(False, 0, 2**32 - 1), Network(True, 0, 2**128 - 1))
"""What `default` stands for among networks, as 0.0.0.0/0 and ::/0 do."""


def build_geo(directive: Directive, name: str, context: Context) -> Geo:
    """The compiled `geo` of a variable."""
    source = source_of(directive, context)
    lines = directive.block or ()
    if lines and is_ranges(lines[0]):
        return Geo(source, name, read_ranges(lines, context), None)
    networks = read_networks(lines, context)
    return Geo(source, name, networks.table(wide=False), networks.table(wide=True))


def source_of(directive: Directive, context: Context) -> Getter:
    """What gives the address: a variable, or the client."""
    if len(directive.words) == 1:
        return context.lookup("remote_addr")
    word = directive.words[0]
    try:
        return context.lookup(word.text.removeprefix("$"))
    except UnknownVariable as unknown:
        raise context.unknown_variable(unknown, word.where) from None


def is_ranges(line: Directive) -> bool:
    """Whether a line is the `ranges` that changes what the others mean."""
    return line.name == "ranges" and not line.texts


def value_of(line: Directive) -> str:
    """The one word behind a line's first; variables in it are text."""
    texts = line.texts
    if len(texts) != 1:
        raise ConfigError("invalid number of the geo parameters", line.where, "each line is an address and a value")
    return texts[0]


def read_networks(lines: Iterable[Directive], context: Context) -> Networks:
    """Lines of networks."""
    networks = Networks()
    for line in lines:
        if is_ranges(line):
            text = 'the "ranges" directive must be the first directive inside "geo" block'
            raise ConfigError(text, line.where)
        value = value_of(line)
        if line.name == "delete":
            if not networks.delete(network(value, line, context)):
                context.warn(f'no network "{value}" to delete', line.where)
            continue
        for each in EVERYTHING if line.name == "default" else (network(line.name, line, context),):
            old = networks.add(each, value)
            if old is not None:
                context.warn(f'duplicate network "{line.name}", value: "{value}", old value: "{old}"', line.where)
    return networks


def network(text: str, line: Directive, context: Context) -> Network:
    """The network that a line is about."""
    found = network_of(text)
    if found is None:
        hint = "expected an address or a network such as 10.0.0.0/8 or 2001:db8::/32"
        raise ConfigError(f'invalid network "{text}"', line.where, hint)
    value, meaningless = found
    if meaningless:
        context.warn(f"low address bits of {text} are meaningless", line.where)
    return value


def read_ranges(lines: Iterable[Directive], context: Context) -> Table:
    """Lines of ranges, with `ranges` among them."""
    ranges = Ranges()
    for line in lines:
        if is_ranges(line):
            continue
        value = value_of(line)
        if line.name == "delete":
            if not ranges.delete(*range_of_line(value, line)):
                context.warn(f'no address range "{value}" to delete', line.where)
        elif line.name == "default":
            if ranges.default is not None:
                text = f'duplicate default geo range value: "{value}", old value: "{ranges.default}"'
                context.warn(text, line.where)
            ranges.default = value
        else:
            add_range(ranges, line, value, context)
    return ranges.table()


def add_range(ranges: Ranges, line: Directive, value: str, context: Context) -> None:
    """One range with its value."""
    try:
        old = ranges.add(*range_of_line(line.name, line), value)
    except Overlap as overlap:
        first, last = overlap.args
        text = f'range "{line.name}" overlaps "{dotted(first)}-{dotted(last)}"'
        raise ConfigError(text, line.where) from None
    if old is not None:
        context.warn(f'duplicate range "{line.name}", value: "{value}", old value: "{old}"', line.where)


def range_of_line(text: str, line: Directive) -> tuple[int, int]:
    """The range that a line is about."""
    found = range_of(text)
    if found is None:
        raise ConfigError(f'invalid range "{text}"', line.where, "expected a range such as 10.0.0.0-10.0.0.255")
    return found
