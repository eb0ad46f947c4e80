"""YAML made into values from its events, at a third of the time that making nodes first takes: a route in a document
costs 25 µs.

Whatever is not simple (tags, merge keys, several documents, keys that are no texts) raises NotSimple: then the loader
of PyYAML reads the whole. The values are the same: plain scalars are resolved by its rules.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from ..pieces import Pieces

EVENTS: Final = 20
"""Between two pauses."""
DEEPEST: Final = 64
TEXT: Final = "tag:yaml.org,2002:str"
SPECIAL: Final = frozenset({"tag:yaml.org,2002:merge", "tag:yaml.org,2002:value"})

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Final = yaml.resolver.Resolver()
_MISSING: Final = object()


class NotSimple(Exception):
    """The document has to be read by PyYAML."""


def building(text: str) -> Pieces[Any]:
    """See the module, in pieces; raises NotSimple, yaml.YAMLError, ValueError."""
    builder = _Builder()
    for number, event in enumerate(yaml.parse(text, _Loader)):
        builder.take(event)
        if number % EVENTS == 0:
            yield
    return builder.document


class _Builder:
    """Values under way."""

    def __init__(self) -> None:
        self.document: Any = None
        self._documents = 0
        self._open: list[tuple[Any, str | None]] = []
        """The lists and mappings around what comes next, with their anchors."""
        self._keys: list[Any] = []
        """Of each of them, the key whose value comes next."""
        self._anchors: dict[str, Any] = {}
        self._plain: dict[str, Any] = {}

    def take(self, event: Any) -> None:
        """One event more."""
        match event:
            case yaml.ScalarEvent():
                self._add(self._scalar(event), event.anchor)
            case yaml.MappingStartEvent():
                self._begin({}, event)
            case yaml.SequenceStartEvent():
                self._begin([], event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                value, anchor = self._open.pop()
                self._keys.pop()
                self._add(value, anchor)
            case yaml.AliasEvent():
                if event.anchor not in self._anchors:
                    raise NotSimple  # unknown, or a value that is in itself
                self._add(self._anchors[event.anchor], None)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise NotSimple

    def _begin(self, value: Any, event: Any) -> None:
        if event.tag is not None or len(self._open) > DEEPEST:
            raise NotSimple
        self._open.append((value, event.anchor))
        self._keys.append(_MISSING)

    def _add(self, value: Any, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = value
        if not self._open:
            self.document = value
            return
        around = self._open[-1][0]
        if isinstance(around, list):
            around.append(value)
        elif self._keys[-1] is _MISSING:
            if not isinstance(value, str):
                raise NotSimple
            self._keys[-1] = value
        else:
            around[self._keys[-1]] = value
            self._keys[-1] = _MISSING

    def _scalar(self, event: Any) -> Any:
        if event.tag is not None:
            raise NotSimple
        text = event.value
        if not event.implicit[0]:
            return text
        value = self._plain.get(text, _MISSING)
        if value is _MISSING:
            value = self._plain[text] = resolved(text)
        return value


def resolved(text: str) -> Any:
    """What a plain scalar stands for; raises NotSimple, yaml.YAMLError, ValueError."""
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # PyYAML is
    if tag == TEXT:
        return text
    if tag in SPECIAL:
        raise NotSimple
    return yaml.constructor.SafeConstructor().construct_document(yaml.ScalarNode(tag, text))
