"""What is wrong with a declarative document: as a tree of its shape, and as a flat list of entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..plugin_schema import ENTITY
from .kinds import SCHEMAS
from .violation import Code, Violation, in_declaration

Path = tuple[str | int, ...]


class Mistakes:
    """See the module."""

    def __init__(self) -> None:
        self._tree: dict[Any, Any] = {}
        self._flat: list[dict[str, Any]] = []

    def add(self, path: Path, text: str) -> None:
        """A mistake that is of no entity."""
        self._put(path or ("error",), text)

    def violation(self, path: Path, kind: str, raw: Mapping[str, Any], violation: Violation) -> None:
        """An entity that is refused."""
        errors = _translated(kind, raw, violation)
        self._put(path, errors)
        found: dict[str, Any] = {"entity_type": _singular(kind), "errors": list(_flat(errors))}
        for field in ("id", "name", "tags"):
            if raw.get(field) is not None:
                found[f"entity_{field}"] = raw[field]
        self._flat.append(found)

    def refuse(self) -> None:
        """Raise the violation, if there is a mistake."""
        if self._tree:
            raise in_declaration(_lists(self._tree), self._flat)

    def _put(self, path: Path, error: Any) -> None:
        node = self._tree
        for part in path[:-1]:
            below = node.setdefault(part, {})
            if not isinstance(below, dict):  # a text there: it says enough
                return
            node = below
        present = node.get(path[-1])
        if isinstance(present, dict) and isinstance(error, Mapping):
            present.update(error)
        else:
            node[path[-1]] = dict(error) if isinstance(error, Mapping) else error


def _translated(kind: str, raw: Mapping[str, Any], violation: Violation) -> Any:
    """Errors as Kong words them in a document."""
    fields = violation.fields or {}
    if violation.code in (Code.UNIQUE_VIOLATION, Code.PRIMARY_KEY_VIOLATION):
        return {ENTITY: [_twice(kind, raw, violation.code, fields)]}
    if violation.code in (Code.FOREIGN_KEY_VIOLATION, Code.FOREIGN_KEYS_UNRESOLVED):
        return {name: _nowhere(kind, name, raw[name]) for name in fields}
    if violation.code is Code.SCHEMA_VIOLATION:
        return fields
    return {ENTITY: [violation.message]}


def _twice(kind: str, raw: Mapping[str, Any], code: Code, fields: Mapping[str, Any]) -> str:
    endpoint_key = SCHEMAS[kind].endpoint_key
    if code is Code.UNIQUE_VIOLATION:
        name, value = next(iter(fields.items()))
    elif endpoint_key is not None and raw.get(endpoint_key) is not None:  # the id follows from it
        name, value = endpoint_key, raw[endpoint_key]
    else:
        name, value = "primary key", raw.get("id")
    return f"uniqueness violation: '{kind}' entity with {name} set to '{value}' already declared"


def _nowhere(kind: str, field: str, key: Mapping[str, Any]) -> str:
    value = next(iter(key.values()), None)
    return f"invalid reference '{field}: {value}' (no such entity in '{SCHEMAS[kind].foreign_fields[field]}')"


def _lists(node: Any) -> Any:
    """The tree with lists where its parts are places: null where nothing is wrong."""
    if not isinstance(node, dict):
        return node
    if node and all(isinstance(key, int) for key in node):
        return [_lists(node[place]) if place in node else None for place in range(max(node) + 1)]
    return {key: _lists(value) for key, value in node.items()}


def _flat(errors: Any, path: str = "") -> Iterator[dict[str, str]]:
    if isinstance(errors, Mapping):
        for text in errors.get(ENTITY, ()):
            yield {"type": "entity", **({"field": path} if path else {}), "message": text}
        for key in errors:
            if key != ENTITY:
                yield from _flat(errors[key], f"{path}.{key}" if path else str(key))
    elif isinstance(errors, list | tuple):
        for place, each in enumerate(errors, 1):
            if each is not None:
                yield from _flat(each, f"{path}.{place}")
    else:
        yield {"type": "field", "field": path, "message": str(errors)}


def _singular(kind: str) -> str:
    return kind.removesuffix("s")
