"""Holds a Tree against the directive table: names, contexts, arguments, duplicates, types.

After this the builders of the model can trust the shape of every directive. What needs more than one directive, or
the system, is theirs.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from ..errors import ConfigError
from ..model.stream import Notice
from .report import attach
from .suggest import nearest
from .table.spec import Spec, expected
from .table.table import TABLE, contexts_of, find, names_in
from .tree import Directive, Tree

FOREIGN: Final = {
    "http": "Penstock relays TCP and TLS streams and has no HTTP: leave this block to nginx",
    "mail": "Penstock relays TCP and TLS streams and has no mail proxy: leave this block to nginx",
}
STREAM_MODULE: Final = re.compile(r"ngx_stream(_[a-z0-9]+)*_module\.so")
FOREIGN_MODULES: Final = frozenset({"ngx_stream_js_module.so", "ngx_stream_lua_module.so"})
"""Modules named like nginx's own that add a language of their own."""


def check(tree: Tree) -> tuple[Notice, ...]:
    """What is to be said about a tree that is right; raises ConfigError, with the source line, for one that is not."""
    try:
        return tuple(context_notices(tree.directives, "main"))
    except ConfigError as error:
        attach(error, tree.files)
        raise


def context_notices(directives: tuple[Directive, ...], context: str) -> Iterator[Notice]:
    """Check the directives of one block, in their order, and what is inside them."""
    seen: dict[str, Directive] = {}
    late = False
    for directive in directives:
        spec = known(directive, context)
        check_shape(directive, spec)
        check_duplicate(directive, spec, seen)
        for index, word in enumerate(directive.words):
            spec.kind_of(index).read(word, directive.name)
        yield from remarks(directive, spec)
        if directive.name == "load_module" and late:
            raise ConfigError('"load_module" directive is specified too late', directive.where)
        late = late or directive.block is not None
        if directive.block is not None and not spec.free_form:
            yield from context_notices(directive.block, directive.name)


def known(directive: Directive, context: str) -> Spec:
    """The directive's entry for this context."""
    name = directive.name
    spec = find(name, context)
    if spec is None:
        if name in FOREIGN and context == "main":
            raise ConfigError(f'"{name}" is not supported: {FOREIGN[name]}', directive.where)
        elsewhere = contexts_of(name)
        if elsewhere:
            raise ConfigError(f'"{name}" directive is not allowed here', directive.where, belongs(elsewhere))
        near = nearest(name, names_in(context)) or nearest(name, {spec.name for spec in TABLE})
        raise ConfigError(f'unknown directive "{name}"', directive.where, f'did you mean "{near}"?' if near else "")
    if spec.status == "planned":
        raise ConfigError(f'"{name}" is not supported by this version of Penstock', directive.where)
    return spec


def check_shape(directive: Directive, spec: Spec) -> None:
    """Whether it is a block or not as it should be, with as many arguments as it takes."""
    name = directive.name
    if spec.block and directive.block is None:
        raise ConfigError(f'directive "{name}" has no opening "{{"', directive.where, expected(spec))
    if not spec.block and directive.block is not None:
        raise ConfigError(f'directive "{name}" is not terminated by ";"', directive.where, expected(spec))
    count = len(directive.words)
    if count < spec.minimum or (spec.maximum is not None and count > spec.maximum):
        raise ConfigError(f'invalid number of arguments in "{name}" directive', directive.where, expected(spec))


def check_duplicate(directive: Directive, spec: Spec, seen: dict[str, Directive]) -> None:
    """Whether it stands in its block once, if it should."""
    if spec.repeatable:
        return
    first = seen.setdefault(directive.name, directive)
    if first is not directive:
        hint = f"it was given first at {first.where}"
        raise ConfigError(f'"{directive.name}" directive is duplicate', directive.where, hint)


def remarks(directive: Directive, spec: Spec) -> Iterator[Notice]:
    """What is said about a directive that is accepted."""
    if directive.name == "load_module":
        yield module(directive)
    elif spec.remark:
        yield Notice(spec.remark_level, spec.remark, directive.where)


def module(directive: Directive) -> Notice:
    """nginx's stream modules are built in; any other cannot be loaded."""
    word = directive.words[0]
    name = posixpath.basename(word.text)
    if not STREAM_MODULE.fullmatch(name) or name in FOREIGN_MODULES:
        raise ConfigError(f'module "{word.text}" is not supported by this version of Penstock', word.where)
    return Notice("notice", f'module "{name}" is built in, "load_module" is ignored', directive.where)


def belongs(contexts: tuple[str, ...]) -> str:
    """Where a directive may stand, as a hint."""
    places = ["the main context" if context == "main" else f'"{context}"' for context in contexts]
    return "it belongs in " + (places[0] if len(places) == 1 else ", ".join(places[:-1]) + " or " + places[-1])
