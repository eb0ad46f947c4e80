"""Every kind of entity, and how they hang together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..live.records import KINDS
from .certificates import AUTHORITIES, CERTIFICATES, NAMES_OF_CERTIFICATE, SNIS
from .fields import Field
from .plugins import PLUGINS
from .routes import ROUTES
from .schema import Schema
from .services import SERVICES
from .upstreams import TARGETS, UPSTREAMS

_ALL: Final = (AUTHORITIES, CERTIFICATES, SNIS, UPSTREAMS, TARGETS, SERVICES, ROUTES, PLUGINS)
SCHEMAS: Final[Mapping[str, Schema]] = {schema.kind: schema for schema in _ALL}
assert tuple(SCHEMAS) == KINDS


@dataclass(frozen=True, slots=True)
class Link:
    """That entities of one kind mention those of another."""

    child: str
    field: str
    parent: str
    cascades: bool
    """Whether they go with what they mention, rather than keep it."""


GOES_WITH: Final = frozenset(
    {("plugins", "route"), ("plugins", "service"), ("targets", "upstream"), ("snis", "certificate")}
)
LINKS: Final = tuple(
    Link(schema.kind, field, parent, (schema.kind, field) in GOES_WITH)
    for schema in _ALL
    for field, parent in schema.foreign_fields.items()
)


def shown_fields(kind: str) -> Mapping[str, Field]:
    """The fields of a record as it is shown."""
    fields = SCHEMAS[kind].fields
    return {**fields, "snis": NAMES_OF_CERTIFICATE} if kind == "certificates" else fields


def written_fields(kind: str) -> Mapping[str, Field]:
    """The fields of a body: those and the shorthands."""
    shorthands = SCHEMAS[kind].shorthands.items()
    return {**shown_fields(kind), **{name: each.field for name, each in shorthands if not each.shown}}
