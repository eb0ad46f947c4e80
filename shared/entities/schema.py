"""The schema of a kind: from a raw body to a complete, frozen record, or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from .fields import Field, Rule, a_set, complete_record, string
from .names import tag_mistake
from .violation import Tree, schema_violation

Record = Mapping[str, Any]
ID = string("The id; made here where it is not given.", uuid=True, auto=True)
WHOLE_TIME = Field("integer", auto=True, doc="Seconds since the epoch.")
EXACT_TIME = Field("number", auto=True, doc="Seconds since the epoch, with milliseconds.")
TAGS = a_set(string(test=tag_mistake, required=True), "Words by which entities are found again.")


UNCHANGING: Final = frozenset({str, int, float, bool, type(None), MappingProxyType})


@dataclass(frozen=True, slots=True)
class Shorthand:
    """A field that is only written: it stands for others."""

    field: Field
    expand: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]
    """The fields that a right value stands for, also given the body; they win over those written out."""
    shown: bool = False
    """Whether the field is also a field of its own (`algorithm` may change `hash_on`)."""


@dataclass(frozen=True, slots=True)
class Schema:
    """See the module."""

    kind: str
    fields: Mapping[str, Field]
    endpoint_key: str | None = None
    """The unique field that may stand for the id in a path."""
    rules: tuple[Rule, ...] = ()
    shorthands: Mapping[str, Shorthand] = field(default_factory=dict)
    together: tuple[str, ...] = ()
    """Fields whose values are unique as a whole."""
    exact_time: bool = False
    doc: str = ""

    @property
    def foreign_fields(self) -> Mapping[str, str]:
        """The kinds that foreign keys lead to, by field."""
        return {name: each.reference for name, each in self.fields.items() if each.type == "foreign"}

    @property
    def unique_fields(self) -> tuple[str, ...]:
        """The fields whose values are unique."""
        return tuple(name for name, each in self.fields.items() if each.unique)

    def complete(self, expanded: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The record that a body stands for, without id and times where it gives none, and what is wrong with it.

        The body has its shorthands spelt out already: a record that is merely completed again must not be changed.
        """
        return complete_record(self.fields, self.rules, expanded)

    def expand(self, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """A body with its shorthands spelt out, and what is wrong with these."""
        expanded = dict(raw)
        errors: dict[str, Any] = {}
        for name, each in self.shorthands.items():
            if name not in expanded:
                continue
            value = expanded[name] if each.shown else expanded.pop(name)
            if not isinstance(value, str | None):
                if not each.shown:
                    errors[name] = "expected a string"
                continue
            if value is not None or each.shown:
                expanded.update(each.expand(value, expanded))
        return expanded, errors


def entity(kind: str, fields: Mapping[str, Field], *, exact_time: bool = False, **more: Any) -> Schema:
    """A schema with the fields that every entity has."""
    time = EXACT_TIME if exact_time else WHOLE_TIME
    everywhere = {"id": ID, "created_at": time, "updated_at": time}
    return Schema(kind, {**everywhere, **fields, "tags": TAGS}, exact_time=exact_time, **more)


def refuse(errors: Tree) -> None:
    """Raise the violation, if there is one."""
    if errors:
        raise schema_violation(errors)


def frozen(value: Any) -> Any:
    """A value that nobody can change. A MappingProxyType is taken for one that was made here."""
    if type(value) in UNCHANGING:  # nearly all of them, and asking an abstract class takes a microsecond
        return value
    if isinstance(value, Mapping):
        return MappingProxyType(
            {key: each if type(each) in UNCHANGING else frozen(each) for key, each in value.items()}
        )
    if isinstance(value, list | tuple):
        return tuple([frozen(each) for each in value])
    return value


def thawed(value: Any) -> Any:
    """The same in plain dictionaries and lists, as JSON has them."""
    if isinstance(value, Mapping):
        return {key: thawed(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [thawed(each) for each in value]
    return value
