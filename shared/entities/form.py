"""Forms: names that spell a tree, and texts that are the numbers, switches and lists which the schema asks for.

The five spellings of Kong (`api/arguments.lua`), which may be mixed:

    a=x&a=y                            a list
    a[]=x&a[]=y                        a list
    a[1]=x&a[2]=y                      a list; from 1
    a.b=c, a[b]=c                      a record
    a[1].b=c, a[1][b]=c                a list of records

Inference never refuses: a text that is no number stays a text, and the schema says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .fields import Field
from .kinds import written_fields
from .plugin_description import config_field
from .plugins import Descriptions

NAME: Final = re.compile(r"(?P<first>[^.\[\]]+)(?P<rest>(?:\.[^.\[\]]+|\[[^\[\]]*\])*)")
PART: Final = re.compile(r"\.([^.\[\]]+)|\[([^\[\]]*)\]")
DEEPEST: Final = 16
LONGEST_NUMBER: Final = 24
NUMBER: Final = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?\s*", re.ASCII)
APPEND: Final = ""
"""The part `[]` of a name."""

Pairs = Iterable[tuple[str, str]]


def body_of(kind: str, pairs: Pairs, descriptions: Descriptions) -> dict[str, Any]:
    """The body that a form stands for, with the types that the schema of a kind asks for."""
    raw = tree(pairs)
    fields = dict(written_fields(kind))
    if kind == "plugins":
        description = descriptions(raw["name"]) if isinstance(raw.get("name"), str) else None
        if description is not None:
            fields["config"] = config_field(description)
    return inferred_record(fields, raw)


class _Node:
    """What has been said below a name: values in order, or parts by their name or place."""

    __slots__ = ("parts", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.parts: dict[str | int, _Node] = {}

    def below(self, part: str) -> _Node:
        """The node of a part; there is one more with each `[]`."""
        if part == APPEND:
            node = _Node()
            self.values.append(node)
            return node
        key = int(part) if part.isascii() and part.isdigit() and len(part) < 10 else part
        return self.parts.setdefault(key, _Node())

    def plain(self) -> Any:
        """The value that it stands for."""
        if not self.parts:
            appended = any(isinstance(each, _Node) for each in self.values)
            values = [each.plain() if isinstance(each, _Node) else each for each in self.values]
            if appended and values == [""]:
                return []
            return values[0] if len(values) == 1 and not appended else values
        if all(isinstance(key, int) for key in self.parts):
            return [node.plain() for _, node in sorted(self.parts.items(), key=lambda item: int(item[0]))]
        return {str(key): node.plain() for key, node in self.parts.items()}


def tree(pairs: Pairs) -> dict[str, Any]:
    """The tree that the names spell, with texts as its leaves."""
    root = _Node()
    for name, value in pairs:
        node = root
        for part in parts_of(name):
            node = node.below(part) if node is not root else root.parts.setdefault(part, _Node())
        node.values.append(value)
    return {str(name): node.plain() for name, node in root.parts.items()}


def parts_of(name: str) -> list[str]:
    """The parts of a name; a name that is not spelt so is one part."""
    found = NAME.fullmatch(name)
    if found is None:
        return [name]
    rest = [dotted or bracketed for dotted, bracketed in PART.findall(found["rest"])]
    return [found["first"], *rest] if len(rest) < DEEPEST else [name]


def inferred_record(fields: Mapping[str, Field], raw: Mapping[str, Any]) -> dict[str, Any]:
    """A record's texts as the types of its fields; unknown fields stay as they are."""
    return {name: inferred(fields[name], value) if name in fields else value for name, value in raw.items()}


def inferred(field: Field, value: Any) -> Any:
    """A text as the type of a field, where it can be that."""
    if value == "":
        return None
    kind = field.type
    if kind in ("array", "set"):
        assert field.elements is not None
        return [inferred(field.elements, each) for each in (value if isinstance(value, list) else [value])]
    if isinstance(value, Mapping):
        if kind == "record":
            return inferred_record(field.fields, value)
        if kind == "map" and field.values is not None:
            return {key: inferred(field.values, each) for key, each in value.items()}
        return {key: each or None for key, each in value.items()} if kind == "foreign" else value
    if not isinstance(value, str):
        return value
    if kind == "boolean":
        return {"true": True, "false": False}.get(value, value)
    return number_of(value) if kind in ("integer", "number") else value


def number_of(text: str) -> Any:
    """The number that a text is, or the text."""
    if len(text) > LONGEST_NUMBER or not NUMBER.fullmatch(text):
        return text
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return text
    return int(text) if text.strip().lstrip("+-").isdigit() else int(value) if value.is_integer() else value
