"""YAML: read with the safe loader and within limits, written in a fixed order."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import yaml

from .violation import Violation, in_declaration

MOST_NODES: Final = 5_000_000
"""Values of a document once its aliases are followed: a few lines can stand for billions of them."""
DEEPEST: Final = 64

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def parse(text: str) -> Any:
    """The document that a YAML text is; JSON is YAML. Raises Violation."""
    try:
        document = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _failed(str(error)) from None
    _measure(document)
    return document


def text_of(document: Any) -> str:
    """A document as YAML."""
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False))


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
