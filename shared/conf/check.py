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
from ..model.where import NOWHERE
from .plain import Outline, PlainDirective, begins_a_line
from .report import attach
from .suggest import nearest
from .table.spec import Spec, expected
from .table.table import TABLE, contexts_of, find, names_in
from .tree import Directive, Tree, Word

FOREIGN: Final = {
    "http": "Penstock relays TCP and TLS streams and has no HTTP: leave this block to nginx",
    "mail": "Penstock relays TCP and TLS streams and has no mail proxy: leave this block to nginx",
}
STREAM_MODULE: Final = re.compile(r"ngx_stream(_[a-z0-9]+)*_module\.so")
FOREIGN_MODULES: Final = frozenset({"ngx_stream_js_module.so", "ngx_stream_lua_module.so"})
"""Modules named like nginx's own that add a language of their own."""
REMEMBERED: Final = 1024
"""Lines that are known to be right: there are few different ones of most directives."""


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
    right = Right()
    for directive in directives:
        spec = known(directive, context)
        if type(directive) is PlainDirective and right.block(directive, spec):
            late = True
            continue
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


class Right:
    """Knows plain blocks that are right by their text, of which nothing has to be said.

    It decides by the same entries of the table, but knows no places: what it is not sure of is checked as anything
    else is, which says what is wrong.
    """

    def __init__(self) -> None:
        self._outlines: set[tuple[str, Outline]] = set()
        """Of blocks that were right, behind the names of the blocks."""
        self._lines: set[tuple[str, ...]] = set()
        """Whole lines whose arguments were right, behind their contexts: of those that are no names."""

    def block(self, directive: PlainDirective, spec: Spec) -> bool:
        """Whether a block that may be repeated is right, with its lines."""
        if directive.body is None or not spec.takes_plain_blocks:
            return False
        if not self.arguments(spec, directive.name, directive.texts):
            return False
        outline = directive.outline
        if outline is None:
            return self.inside(directive)
        if (directive.name, outline) not in self._outlines:
            if not self.inside(directive):
                return False
            if begins_a_line(outline) and len(self._outlines) < REMEMBERED:
                self._outlines.add((directive.name, outline))
        return True

    def inside(self, directive: PlainDirective) -> bool:
        """Whether the lines of a block are right."""
        context = directive.name
        seen = set()
        for name, *texts in map(str.split, directive.lines):
            entry = find(name, context)
            if entry is None or entry.block or entry.remark or entry.status != "works" or name == "load_module":
                return False
            if not (entry.repeatable or name not in seen) or not self.arguments(entry, context, texts):
                return False
            seen.add(name)
        return True

    def arguments(self, spec: Spec, context: str, texts: list[str]) -> bool:
        """Whether a directive may have these arguments."""
        count = len(texts)
        if count < spec.minimum or (spec.maximum is not None and count > spec.maximum):
            return False
        if spec.takes_anything:
            return True
        line = (context, spec.name, *texts)
        if line not in self._lines:
            try:
                for index, text in enumerate(texts):
                    spec.kind_of(index).read(Word(text, NOWHERE), spec.name)
            except ConfigError:
                return False
            if len(self._lines) < REMEMBERED:
                self._lines.add(line)
        return True


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
