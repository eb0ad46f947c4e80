"""YAML: read with the safe loader and within limits, written in a fixed order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import yaml

from ..pieces import Pieces, at_once
from .violation import Violation, in_declaration
from .yaml_values import NotSimple, building

MOST_NODES: Final = 5_000_000
"""Values of a document once its aliases are followed: a few lines can stand for billions of them."""
DEEPEST: Final = 64

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def parse(text: str) -> Any:
    """The document that a YAML text is; JSON is YAML. Raises Violation."""
    return at_once(parsing(text))


def parsing(text: str) -> Pieces[Any]:
    """The same in pieces."""
    try:
        document = yield from _read(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _failed(str(error)) from None
    _measure(document)
    return document


def _read(text: str) -> Pieces[Any]:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, parse_constant=_no_json)  # a hundred times faster
        except (ValueError, RecursionError):
            pass  # YAML may still be what it is
    try:
        return (yield from building(text))
    except NotSimple:
        return yaml.load(text, _Loader)


def _no_json(word: str) -> None:
    raise ValueError(word)


def text_of(document: Mapping[str, Any]) -> str:
    """A document as YAML."""
    return at_once(writing(document))


def writing(document: Mapping[str, Any]) -> Pieces[str]:
    """The same in pieces."""
    parts: list[str] = []
    for name, value in document.items():
        if isinstance(value, list) and value:
            parts.append(f"{name}:\n")
            for each in value:
                parts.append(_dumped([each]))
                yield
        else:
            parts.append(_dumped({name: value}))
    return "".join(parts)


def _dumped(value: Any) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False))


def _failed(reason: str) -> Violation:
    return in_declaration({"error": f"failed parsing declarative configuration: {' '.join(reason.split())}"})


def _measure(document: Any) -> None:
    """Refuse what would be too much to walk through, before anybody does; also what JSON does not have."""
    left = MOST_NODES
    layer: list[Any] = [document]
    for _ in range(DEEPEST):
        left -= len(layer)
        if left < 0:
            raise _failed(f"more than {MOST_NODES} values")
        inner: list[Any] = []
        for each in layer:
            if isinstance(each, dict):
                if not all(isinstance(key, str) for key in each):
                    raise _failed("a name that is no text")
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
            elif isinstance(each, date | bytes | set):
                raise _failed(f"a {type(each).__name__} where a text, a number, a list or an object is expected")
            if len(inner) > left:
                raise _failed(f"more than {MOST_NODES} values")
        if not inner:
            return
        layer = inner
    raise _failed(f"values in each other more than {DEEPEST} deep")
