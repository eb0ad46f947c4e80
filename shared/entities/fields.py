"""Fields of entities: what each takes, held against a value, in the words of Kong's schemas (`db/schema/init.lua`).

A value is completed (defaults at every depth, records with all their keys, sets without repetition) and judged in one
go. The judgement is None, a text, or a tree: see violation.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..plugin_schema import ENTITY
from .violation import Tree

UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
Test = Callable[[Any], str]
"""What is wrong with a value of the right type; empty when nothing is."""
MISSING: Final = "required field missing"
UNKNOWN: Final = "unknown field"
EXPECTED: Final[Mapping[str, str]] = {
    "string": "expected a string",
    "integer": "expected an integer",
    "number": "expected a number",
    "boolean": "expected a boolean",
    "array": "expected an array",
    "set": "expected a set",
    "map": "expected a map",
    "record": "expected a record",
    "foreign": "expected a record",
}
SURROGATE: Final = re.compile("[\ud800-\udfff]")
MOST_WHOLE: Final = 2**53
"""The largest number that every JSON reader takes as it is (RFC 8259, 6)."""
MOST_ELEMENTS: Final = 10_000
"""Elements of a list; it is one decision for every field, since each element costs every worker."""
MOST_TEXT: Final = 2**20
"""Characters of a text; certificates are the longest."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule between fields. It is asked only when none of them is wrong already."""

    name: str
    fields: tuple[str, ...]
    broken: Callable[[Mapping[str, Any]], Tree]
    """What is wrong with a record; empty when nothing is."""
    arguments: Any = None
    """For the description."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a field takes."""

    type: str
    required: bool = False
    default: Any = None
    auto: bool = False
    """Made here where it is not given: ids and times."""
    unique: bool = False
    uuid: bool = False
    between: tuple[float, float] | None = None
    one_of: tuple[Any, ...] = ()
    len_min: int = 1
    """Of a text or a list."""
    match: str = ""
    """A regular expression for the whole text."""
    starts_with: str = ""
    exclusive: tuple[tuple[str, ...], ...] = ()
    """Of a set: elements of only one of these may be in it."""
    test: Test | None = None
    elements: Field | None = None
    values: Field | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    reference: str = ""
    """The kind that a foreign key leads to."""
    encrypted: bool = False
    """Private: hidden where the Admin API is told to."""
    doc: str = ""


def string(doc: str = "", **limits: Any) -> Field:
    """A text."""
    return Field("string", doc=doc, **limits)


def integer(doc: str = "", **limits: Any) -> Field:
    """A whole number."""
    return Field("integer", doc=doc, **limits)


def number(doc: str = "", **limits: Any) -> Field:
    """A number."""
    return Field("number", doc=doc, **limits)


def boolean(default: bool | None, doc: str = "", **limits: Any) -> Field:
    """A switch: required where it has a default, as nearly all of Kong's."""
    return Field("boolean", default=default, required=default is not None, doc=doc, **limits)


def array(elements: Field, doc: str = "", len_min: int = 0, **limits: Any) -> Field:
    """A list."""
    return Field("array", elements=elements, len_min=len_min, doc=doc, **limits)


def a_set(elements: Field, doc: str = "", len_min: int = 0, **limits: Any) -> Field:
    """A list without repetition."""
    return Field("set", elements=elements, len_min=len_min, doc=doc, **limits)


def a_map(values: Field, doc: str = "", **limits: Any) -> Field:
    """Values by name."""
    return Field("map", values=values, doc=doc, **limits)


def record(fields: Mapping[str, Field], doc: str = "", **limits: Any) -> Field:
    """Fields below a field; where it has defaults, it is always there with all of them."""
    return Field("record", fields=fields, doc=doc, **limits)


def foreign(reference: str, doc: str = "", **limits: Any) -> Field:
    """Another entity, by id."""
    return Field("foreign", reference=reference, doc=doc, **limits)


def complete_record(
    fields: Mapping[str, Field], rules: Sequence[Rule], raw: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A record with all its keys, and what is wrong with it by field; empty when nothing is."""
    complete: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name, each in fields.items():
        complete[name], wrong = complete_value(each, raw.get(name), given=name in raw)
        if wrong is not None:
            errors[name] = wrong
    for name in raw:
        if name not in fields:
            errors[name] = UNKNOWN
    judge(rules, complete, errors)
    return complete, errors


def judge(rules: Sequence[Rule], complete: Mapping[str, Any], errors: dict[str, Any]) -> None:
    """Add to `errors` what the rules say."""
    wrong = set(errors)
    for rule in rules:
        if not wrong.isdisjoint(rule.fields):
            continue
        for name, error in rule.broken(complete).items():
            if name == ENTITY:
                errors.setdefault(ENTITY, []).extend(error)
            else:
                errors.setdefault(name, error)


def complete_value(each: Field, value: Any, *, given: bool = True) -> tuple[Any, Any]:
    """A field's value with defaults, and what is wrong with it or None.

    A null is an absent value, save that of a field that has to be there: there it is a mistake, default or not.
    """
    if value is None:
        if each.type == "record" and each.default is not None and not given:
            return complete_record(each.fields, each.rules, each.default)[0], None
        if each.auto or (each.default is not None and not (given and each.required)):
            return each.default, None
        return None, MISSING if each.required else None
    kind = each.type
    if kind == "record":
        if not isinstance(value, Mapping):
            return value, EXPECTED[kind]
        complete, errors = complete_record(each.fields, each.rules, value)
        return complete, errors or None
    if kind in ("array", "set"):
        return _list(each, value)
    if kind == "map":
        return _map(each, value)
    if kind == "foreign":
        return _foreign(value)
    wrong = _scalar(each, value)
    if wrong:
        return value, wrong
    if each.uuid:
        return value.lower(), None
    return int(value) if kind == "integer" else value, None


def _list(each: Field, value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list | tuple):
        return value, EXPECTED[each.type]
    if len(value) < each.len_min:
        return value, f"length must be at least {each.len_min}"
    if len(value) > MOST_ELEMENTS:
        return value, f"length must be at most {MOST_ELEMENTS}"
    assert each.elements is not None
    elements = []
    errors = []
    for element in value:
        found, wrong = complete_value(each.elements, element)
        if element is None:
            wrong = EXPECTED[each.elements.type]
        elements.append(found)
        errors.append(wrong)
    if any(wrong is not None for wrong in errors):
        while errors[-1] is None:
            errors.pop()
        return value, errors
    if each.type == "set":
        elements = _distinct(elements)
    if each.exclusive and (text := _excluding(each.exclusive, elements)):
        return value, text
    text = each.test(elements) if each.test is not None else ""
    return elements, text or None


def _distinct(elements: list[Any]) -> list[Any]:
    try:
        return list(dict.fromkeys(elements))
    except TypeError:  # records
        return [each for place, each in enumerate(elements) if each not in elements[:place]]


def _excluding(sets: tuple[tuple[str, ...], ...], elements: list[Any]) -> str:
    found = [each for each in sets if not set(each).isdisjoint(elements)]
    if len(found) < 2:
        return ""
    return "these sets are mutually exclusive: " + ", ".join([f"({quoted(each)})" for each in found])


def quoted(names: Sequence[str]) -> str:
    """`'a', 'b'`."""
    return ", ".join([f"'{each}'" for each in names])


def _map(each: Field, value: Any) -> tuple[Any, Any]:
    if not isinstance(value, Mapping):
        return value, EXPECTED[each.type]
    if len(value) > MOST_ELEMENTS:
        return value, f"length must be at most {MOST_ELEMENTS}"
    assert each.values is not None
    complete: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for key, element in value.items():
        complete[key], wrong = complete_value(each.values, element)
        wrong = text_mistake(key) or wrong
        if wrong is not None:
            errors[key] = wrong
    return complete, errors or None


def _foreign(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, Mapping):
        return value, EXPECTED["foreign"]
    identity = value.get("id")
    if identity is None:
        return value, {"id": "missing primary key"}
    if not isinstance(identity, str):
        return value, {"id": EXPECTED["string"]}
    if not UUID.fullmatch(identity):
        return value, {"id": "expected a valid UUID"}
    return {"id": identity.lower()}, None


def _scalar(each: Field, value: Any) -> str:
    if not _typed(each.type, value):
        return EXPECTED[each.type]
    if isinstance(value, str) and (text := text_mistake(value)):
        return text
    return _limits(each, value) or (each.test(value) if each.test is not None else "")


def text_mistake(text: str) -> str:
    """What no store and no other program would take as a text."""
    if len(text) > MOST_TEXT:
        return f"length must be at most {MOST_TEXT}"
    if "\x00" in text:
        return "invalid value: a text must not have a NUL"
    return "invalid value: not UTF-8" if not text.isascii() and SURROGATE.search(text) else ""


def text_mistakes(value: Any) -> Any:
    """The same at every depth of a value, as a tree; None where nothing is wrong."""
    if isinstance(value, str):
        return text_mistake(value) or None
    if isinstance(value, list | tuple):
        errors = [text_mistakes(each) for each in value]
        return errors if any(each is not None for each in errors) else None
    if isinstance(value, Mapping):
        found = {str(key): text_mistake(str(key)) or text_mistakes(each) for key, each in value.items()}
        return {key: each for key, each in found.items() if each is not None} or None
    return None


def _typed(kind: str, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return kind == "number" or isinstance(value, int) or value.is_integer()


def _limits(each: Field, value: Any) -> str:
    if each.type in ("integer", "number"):
        low, high = each.between or (-MOST_WHOLE, MOST_WHOLE)
        if not low <= value <= high:
            return f"value should be between {low} and {high}"
    if isinstance(value, str):
        if len(value) < each.len_min:
            return f"length must be at least {each.len_min}"
        if each.uuid and not UUID.fullmatch(value):
            return "expected a valid UUID"
        if each.starts_with and not value.startswith(each.starts_with):
            return f"should start with: {each.starts_with}"
        if each.match and not re.fullmatch(each.match, value):
            return f"invalid value: {value}"
    if each.one_of and value not in each.one_of:
        return f"expected one of: {', '.join(map(str, each.one_of))}"
    return ""
