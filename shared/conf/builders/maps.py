"""The variables that a configuration defines: by `map`, `geo`, `split_clients` and `set`, and by named groups."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ConfigError
from ...mapping import BadName, Conflict, Entries, Map
from ...pattern import Pattern, compile_pattern
from ...scope import NotChangeable
from ...scope import Scope as Variables
from ...server_names import name_pattern
from ...template import Getter, Template, constant, has_variables
from ..tree import Directive, Word
from .context import Context
from .geo import build_geo
from .geoip import geoip_lookup
from .scope import Scope
from .split_clients import build_shares


@dataclass(frozen=True, slots=True)
class Draft:
    """A block that defines a variable: the name is declared and a map's expressions are compiled, but no values."""

    directive: Directive
    name: str
    patterns: dict[Directive, Pattern]


def define_variables(stream: Scope, context: Context) -> None:
    """Make every variable of `stream {}` known to `context`, then build what gives their values.

    All names come first: nginx lets a variable be used above the line that defines it. Of several blocks that define
    the same one the last counts.
    """
    variables = Variables(geoip_lookup(stream, context))
    names: set[str] = set()
    drafts = [declare(directive, variables, names) for directive in stream.own("map", "geo", "split_clients")]
    for server in stream.own("server"):
        inside = Scope(server.block or ())
        for directive in inside.own("set"):
            names.add(declare_set(directive.words[0], variables))
        for directive in inside.own("server_name"):
            names.update(*(declare_name(word, variables) for word in directive.words))
    context.lookup = variables.lookup
    context.declared = frozenset(names)
    for draft in drafts:
        variables.define_map(draft.name, build(draft, context))


def build(draft: Draft, context: Context) -> Getter:
    """What gives the value of a draft's variable."""
    if draft.directive.name == "geo":
        return build_geo(draft.directive, draft.name, context).getter
    if draft.directive.name == "split_clients":
        return build_shares(draft.directive, draft.name, context).getter
    return build_map(draft, context).getter


def defined_name(word: Word) -> str:
    """The name in `$name`."""
    if not word.text.startswith("$") or len(word.text) < 2:
        raise ConfigError(f'invalid variable name "{word.text}"', word.where, "it begins with $")
    return word.text[1:]


def declare(directive: Directive, variables: Variables, names: set[str]) -> Draft:
    """Declare the variable of a block, and the named groups of a map's keys."""
    word = directive.words[-1]
    name = defined_name(word)
    try:
        variables.declare_map(name)
    except NotChangeable:
        raise duplicate_variable(name, word) from None
    names.add(name)
    patterns = {}
    for entry in (directive.block or ()) if directive.name == "map" else ():
        if entry.name.startswith("~"):
            pattern = patterns[entry] = compile_key(entry)
            declare_groups(pattern, Word(entry.name, entry.where), variables)
            names.update(pattern.names)
    return Draft(directive, name, patterns)


def declare_set(word: Word, variables: Variables) -> str:
    """Declare the variable of a `set`; its name."""
    name = defined_name(word)
    try:
        variables.define_set(name)
    except NotChangeable:
        raise duplicate_variable(name, word) from None
    return name


def declare_groups(pattern: Pattern, word: Word, variables: Variables) -> None:
    """Declare the named groups of a key or name."""
    for group in pattern.names:
        try:
            variables.define_capture(group)
        except NotChangeable:
            raise duplicate_variable(group, word) from None


def declare_name(word: Word, variables: Variables) -> tuple[str, ...]:
    """Declare the named groups of a `server_name ~…`; their names."""
    if not word.text.startswith("~"):
        return ()
    try:
        pattern = name_pattern(word.text)
    except ValueError as error:
        raise ConfigError(str(error), word.where) from None
    declare_groups(pattern, word, variables)
    return pattern.names


def duplicate_variable(name: str, word: Word) -> ConfigError:
    """nginx's sentence for a definition of a variable that is built in."""
    return ConfigError(f'the duplicate "{name}" variable', word.where, "it is built in and cannot be defined")


def compile_key(entry: Directive) -> Pattern:
    """The expression of a key `~…`, or `~*…` which ignores case."""
    text = entry.name[1:]
    caseless = text.startswith("*")
    if caseless:
        text = text[1:]
    try:
        return compile_pattern(text, caseless)
    except ValueError as error:
        raise ConfigError(str(error), entry.where) from None


def build_map(draft: Draft, context: Context) -> Map:
    """The compiled map."""
    entries = Entries()
    volatile = False
    default: Directive | None = None
    known: dict[str, Template] = {}
    for entry in draft.directive.block or ():
        if entry.name == "volatile" and not entry.texts:
            volatile = True
        elif entry.name == "hostnames" and not entry.texts:
            entries.hostnames = True
        elif entry.name == "default":
            if default is not None:
                raise ConfigError("duplicate default map parameter", entry.where, f"the first is at {default.where}")
            default = entry
            entries.default = entry_value(entry, context, known)
        else:
            add_entry(entries, entry, draft.patterns.get(entry), entry_value(entry, context, known))
    return Map(context.template(draft.directive.words[0]), draft.name, entries, volatile=volatile)


def entry_value(entry: Directive, context: Context, known: dict[str, Template]) -> Template:
    """The value of a line; lines of the same value share it."""
    texts = entry.texts
    if len(texts) != 1:
        raise ConfigError("invalid number of the map parameters", entry.where, "each line is a key and a value")
    text = texts[0]
    value = known.get(text)
    if value is None:
        value = known[text] = context.template(entry.words[0]) if has_variables(text) else constant(text)
    return value


def add_entry(entries: Entries, entry: Directive, pattern: Pattern | None, value: Template) -> None:
    """One key: an expression, or a literal, of which a backslash takes the special meaning of its first character."""
    if pattern is not None:
        entries.add_pattern(pattern, value)
        return
    key = entry.name.removeprefix("\\")
    try:
        entries.add(key, value)
    except Conflict:
        raise ConfigError(f'conflicting parameter "{key}"', entry.where) from None
    except BadName:
        raise ConfigError(f'invalid hostname or wildcard "{key}"', entry.where) from None
