"""Refusals of the Admin API: Kong's codes, names, statuses and sentences (its `db/errors.lua`).

Fields' errors are a tree: a text at a field, an object for a record, for a list what is wrong with each element (null
where nothing is). `@entity` holds the texts that belong to no single field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, Final

from ..plugin_schema import ENTITY

Tree = Mapping[str, Any]
"""Errors by field."""


class Code(IntEnum):
    """Kong's, and one of ours."""

    INVALID_PRIMARY_KEY = 1
    SCHEMA_VIOLATION = 2
    PRIMARY_KEY_VIOLATION = 3
    FOREIGN_KEY_VIOLATION = 4
    UNIQUE_VIOLATION = 5
    NOT_FOUND = 6
    INVALID_OFFSET = 7
    DATABASE_ERROR = 8
    INVALID_SIZE = 9
    INVALID_UNIQUE = 10
    INVALID_OPTIONS = 11
    OPERATION_UNSUPPORTED = 12
    FOREIGN_KEYS_UNRESOLVED = 13
    DECLARATIVE_CONFIG = 14
    REFERENCED_BY_OTHERS = 19
    WRITTEN_IN_FILE = 1001
    """An entity of the configuration file cannot be written through the API."""


NAMES: Final[Mapping[Code, tuple[str, int]]] = {
    Code.INVALID_PRIMARY_KEY: ("invalid primary key", 400),
    Code.SCHEMA_VIOLATION: ("schema violation", 400),
    Code.PRIMARY_KEY_VIOLATION: ("primary key violation", 400),
    Code.FOREIGN_KEY_VIOLATION: ("foreign key violation", 400),
    Code.UNIQUE_VIOLATION: ("unique constraint violation", 409),
    Code.NOT_FOUND: ("not found", 404),
    Code.INVALID_OFFSET: ("invalid offset", 400),
    Code.DATABASE_ERROR: ("database error", 500),
    Code.INVALID_SIZE: ("invalid size", 400),
    Code.INVALID_UNIQUE: ("invalid unique", 400),
    Code.INVALID_OPTIONS: ("invalid options", 400),
    Code.OPERATION_UNSUPPORTED: ("operation unsupported", 405),
    Code.FOREIGN_KEYS_UNRESOLVED: ("foreign keys unresolved", 400),
    Code.DECLARATIVE_CONFIG: ("invalid declarative configuration", 400),
    Code.REFERENCED_BY_OTHERS: ("referenced by others", 400),
    Code.WRITTEN_IN_FILE: ("written in the configuration file", 409),
}
"""The name and the status that go with a code."""
BARE: Final[Mapping[Code, str]] = {
    Code.NOT_FOUND: "Not found",
    Code.DATABASE_ERROR: "An unexpected error occurred",
}
"""What is answered with nothing but a message."""


class Violation(Exception):
    """A request that is refused."""

    def __init__(
        self, code: Code, message: str, fields: Tree | None = None, options: Tree | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.code = code
        self.name, self.http_status = NAMES[code]
        self.message = message
        self.fields = fields
        self.options = options
        self.more = more
        """Further keys of the body, such as `flattened_errors`."""

    @property
    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        if self.code in BARE:
            return {"message": BARE[self.code]}
        found: dict[str, Any] = {"code": int(self.code), "name": self.name, "message": self.message}
        if self.options is not None:
            found["options"] = self.options
        else:
            found["fields"] = self.fields or {}
        return found | self.more


def sentence(what: str, tree: Tree) -> str:
    """`what (field: text)`, or `N whats (a: x; b: y)`: texts of the entity first, then fields in their order."""
    texts = list(_texts(tree))
    head = what if len(texts) == 1 else f"{len(texts)} {what}s"
    return f"{head} ({'; '.join(texts)})"


def _texts(tree: Tree) -> Iterator[str]:
    yield from tree.get(ENTITY, ())
    for field in sorted(tree):
        if field != ENTITY:
            yield from _below(field, tree[field])


def _below(path: str, error: Any) -> Iterator[str]:
    if isinstance(error, Mapping):
        for key in sorted(error):
            yield from _below(f"{path}.{key}", error[key])
    elif isinstance(error, list | tuple):
        for place, each in enumerate(error, 1):
            if each is not None:
                yield from _below(f"{path}.{place}", each)
    else:
        yield f"{path}: {error}"


def shown(value: Any) -> str:
    """A key as Kong's sentences show it: `{id="…",service={id="…"}}`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}={shown(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)


# The refusals, each with its sentence.


def schema_violation(tree: Tree) -> Violation:
    """A body that its schema does not take."""
    return Violation(Code.SCHEMA_VIOLATION, sentence("schema violation", tree), tree)


def unique_violation(key: Tree) -> Violation:
    """Another entity has the same unique key."""
    return Violation(Code.UNIQUE_VIOLATION, f"UNIQUE violation detected on '{shown(key)}'", key)


def primary_key_violation(identity: str) -> Violation:
    """The id is taken."""
    key = {"id": identity}
    return Violation(Code.PRIMARY_KEY_VIOLATION, f"primary key violation on key '{shown(key)}'", key)


def invalid_primary_key(key: str) -> Violation:
    """A text where an entity has nothing but its id."""
    text = f"invalid primary key: '{shown({'id': key})}'"
    return Violation(Code.INVALID_PRIMARY_KEY, text, {"id": "expected a valid UUID"})


def no_such_reference(field: str, key: Tree, kind: str) -> Violation:
    """A foreign key that leads nowhere."""
    text = f"the foreign key '{shown(key)}' does not reference an existing '{kind}' entity."
    return Violation(Code.FOREIGN_KEY_VIOLATION, text, {field: key})


def still_referenced(kind: str, by: str) -> Violation:
    """An entity that cannot go while others mention it."""
    text = f"an existing '{by}' entity references this '{kind}' entity"
    return Violation(Code.FOREIGN_KEY_VIOLATION, text, {"@referenced_by": by})


def authority_in_use(identity: str, by: str, user: str) -> Violation:
    """A CA certificate that a service trusts."""
    text = f"ca certificate {identity} is still referenced by {by} (id = {user})"
    return Violation(Code.REFERENCED_BY_OTHERS, text, {"@referenced_by": by})


def unresolved(field: str, key: Tree, kind: str) -> Violation:
    """A foreign key by name where nothing has that name."""
    text = f"the foreign key cannot be resolved with '{shown(key)}' for an existing '{kind}' entity"
    tree = {field: dict.fromkeys(key, text)}
    return Violation(Code.FOREIGN_KEYS_UNRESOLVED, sentence("foreign key unresolved", tree), tree)


def not_found(kind: str, key: str) -> Violation:
    """Nothing has that id or name."""
    return Violation(Code.NOT_FOUND, f"could not find the entity '{key}' of '{kind}'")


def invalid_offset(offset: str, reason: str = "bad base64 encoding") -> Violation:
    """A list cannot go on there."""
    return Violation(Code.INVALID_OFFSET, f"'{offset}' is not a valid offset: {reason}")


def invalid_size(text: str) -> Violation:
    """A page's size that is not allowed."""
    return Violation(Code.INVALID_SIZE, text)


def invalid_option(name: str, text: str) -> Violation:
    """A query's argument that cannot be."""
    return Violation(Code.INVALID_OPTIONS, f"invalid option ({name}: {text})", options={name: text})


def without_database(verb: str, kind: str) -> Violation:
    """A write where everything comes from one declarative document."""
    return Violation(Code.OPERATION_UNSUPPORTED, f"cannot {verb} '{kind}' entities when not using a database")


def written_in_file(kind: str, name: str, where: object) -> Violation:
    """A write to what the configuration file says, or a reference to it."""
    text = f"'{name}' of '{kind}' is written in the configuration file at {where}: change it there and reload"
    return Violation(Code.WRITTEN_IN_FILE, text, {"@written_at": str(where)})


def in_declaration(tree: Tree, flattened: list[dict[str, Any]] | None = None) -> Violation:
    """A declarative document with mistakes."""
    more: dict[str, Any] = {} if flattened is None else {"flattened_errors": flattened}
    text = f"declarative config is invalid: {shown_tree(tree)}"
    return Violation(Code.DECLARATIVE_CONFIG, text, tree, **more)


def shown_tree(value: Any) -> str:
    """A tree as Kong's sentence shows it, in Lua's notation."""
    if isinstance(value, Mapping):
        pairs = [
            f"{key if key.isidentifier() else f'[{shown(key)}]'}={shown_tree(value[key])}" for key in sorted(value)
        ]
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        pairs = [
            shown_tree(each) if None not in value else f"[{place}]={shown_tree(each)}"
            for place, each in enumerate(value, 1)
            if each is not None
        ]
        return "{" + ",".join(pairs) + "}"
    return shown(value)
