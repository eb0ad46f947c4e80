"""`PENSTOCK_<DIRECTIVE>`: simple directives of the main context and of `stream {}` out of the environment.

They replace those of the file. Several values of a directive that may be repeated are separated by commas. The
variables of Kong's stream tutorial are understood as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ...errors import ConfigError
from ...model.where import Where
from ..parser import parse
from ..table.spec import Spec
from ..table.table import find
from ..tree import Directive, Tree
from .kong_environment import kong_directives

PREFIX: Final = "PENSTOCK_"
CONTEXTS: Final = ("main", "stream")
"""Where a variable's directive goes: to the first context that has it."""


def overlaid(tree: Tree, environment: Mapping[str, str]) -> Tree:
    """The tree with what the environment sets."""
    given: dict[str, list[Directive]] = {context: [] for context in CONTEXTS}
    for variable in sorted(environment):
        place = directive_of(variable)
        if place is not None:
            context, spec = place
            given[context] += directives(variable, spec, environment[variable])
    ours = {directive.name for found in given.values() for directive in found}
    for context, directive in kong_directives(environment):
        if directive.name not in ours:
            given[context].append(directive)
    directives_of_main = replaced(tree.directives, given["main"])
    return replace(tree, directives=tuple(in_stream(directives_of_main, given["stream"])))


def directive_of(variable: str) -> tuple[str, Spec] | None:
    """The context and entry of the directive that a variable names; None for any other variable."""
    if not variable.startswith(PREFIX) or not variable.isupper():
        return None
    name = variable.removeprefix(PREFIX).lower()
    for context in CONTEXTS:
        spec = find(name, context)
        if spec is not None and not spec.block and name != "include":
            return context, spec
    return None


def directives(variable: str, spec: Spec, value: str) -> list[Directive]:
    """What a variable says, as directives written in a file of its name."""
    # The commas of `syslog:server=…,tag=…` are its own
    values = value.split(",") if spec.repeatable and "syslog:" not in value else [value]
    found: list[Directive] = []
    for text in values:
        parsed = parse(variable, str, no_files, "", f"{spec.name} {text};").directives
        if len(parsed) != 1:
            raise ConfigError('unexpected ";"', parsed[1].where, "a variable holds the arguments of one directive")
        found += parsed
    return found


def no_files(pattern: str) -> list[str]:
    """The environment includes nothing."""
    del pattern
    return []


def replaced(written: Iterable[Directive], given: list[Directive]) -> Iterator[Directive]:
    """The directives of a block with those given in the place of those of the same names."""
    names = {directive.name for directive in given}
    yield from given
    yield from (directive for directive in written if directive.name not in names)


def in_stream(main: Iterable[Directive], given: list[Directive]) -> Iterator[Directive]:
    """The main context with directives put into `stream {}`, which is made where there is none."""
    seen = False
    for directive in main:
        if directive.name == "stream" and directive.block is not None and given:
            seen = True
            inside = tuple(replaced(directive.block, given))
            yield Directive(directive.name, directive.words, directive.where, inside)
        else:
            yield directive
    if given and not seen:
        yield Directive("stream", (), Where(given[0].where.file, 1), tuple(given))
