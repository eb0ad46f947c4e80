"""The field `snis` of a certificate: names that are records of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .certificates import NAMES_OF_CERTIFICATE
from .changes import Change
from .fields import complete_value
from .schema import frozen
from .violation import schema_violation

if TYPE_CHECKING:
    from .catalog import Catalog


@dataclass(frozen=True, slots=True)
class Names:
    """What a body says of a certificate's names."""

    given: bool = False
    names: tuple[str, ...] = ()
    errors: Mapping[str, Any] = field(default_factory=dict)

    def with_name(self, name: str) -> Names:
        """The same with one more."""
        return self if name in self.names else replace(self, given=True, names=(*self.names, name))


def names_given(kind: str, raw: dict[str, Any]) -> Names:
    """The names of a body, which they are taken out of."""
    if kind != "certificates" or "snis" not in raw:
        return Names()
    written = raw.pop("snis")
    names, wrong = complete_value(NAMES_OF_CERTIFICATE, written)
    if wrong is not None:
        return Names(given=True, errors={"snis": wrong})
    if written and (twice := next((each for each in written if written.count(each) > 1), None)) is not None:
        return Names(given=True, errors={"snis": f"{twice} is duplicated"})
    return Names(given=True, names=tuple(names or ()))


def sni_changes(catalog: Catalog, certificate: str, names: Names, is_new: bool) -> tuple[list[str], list[Change]]:
    """The names that a certificate has afterwards, and the changes of SNIs; raises Violation."""
    table = catalog.table("snis")
    held = {table.records[each]["name"]: each for each in table.children("certificate", certificate)}
    if not names.given and not is_new:
        return sorted(held), []
    for name in names.names:
        owner = table.by_unique("name", name)
        if owner is not None and name not in held:
            other = table.records[owner]["certificate"]["id"]
            text = f"{name} already associated with existing certificate '{other}'"
            raise schema_violation({"snis": text})
    now = int(catalog.clock())
    changes = [
        Change("snis", held[name], table.records[held[name]], None) for name in sorted(held.keys() - names.names)
    ]
    for name in names.names:
        if name not in held:
            identity = catalog.new_id()
            record = {
                "id": identity,
                "created_at": now,
                "updated_at": now,
                "name": name,
                "certificate": {"id": certificate},
                "tags": None,
            }
            changes.append(Change("snis", identity, None, frozen(record)))
    return sorted(names.names), changes
