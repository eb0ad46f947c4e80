"""Kong's declarative documents: entities in one YAML or JSON text, nested or not, and what is wrong with them.

    document = parse(text)                                   YAML; raises Violation
    declared = declare(document, clock, descriptions)        a catalog of its own; raises Violation
    changes = diff(catalog, declared)                        what would have to change
    text = export(catalog)

Entities are made one after another in a fresh catalog, so that the rules are those of the Admin API. Ids that are not
given follow from what makes an entity unique: the same document has the same ids everywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..pieces import Pieces, at_once
from .catalog import TIMES, Catalog
from .certificates import digest
from .changes import Change, FileRecord
from .declaration_errors import Mistakes
from .fields import UUID
from .ids import id_of
from .kinds import SCHEMAS
from .plugins import Descriptions
from .schema import Record, frozen, thawed
from .upstreams import full_target
from .violation import Violation

VERSIONS: Final = ("1.1", "2.1", "3.0")
LATEST: Final = "3.0"
NO_HASH: Final = "0" * 32
"""The configuration's hash before there is one."""
NESTED: Final[Mapping[str, Mapping[str, str]]] = {
    "services": {"routes": "service", "plugins": "service"},
    "routes": {"plugins": "route"},
    "certificates": {"snis": "certificate"},
    "upstreams": {"targets": "upstream"},
}
"""What may stand in an entity, with the foreign key that leads back."""
ABSENT: Final = frozenset({"consumers"})
"""Collections of Kong's that have to be empty here."""

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Entry:
    """An entity as it is written."""

    kind: str
    raw: dict[str, Any]
    path: Path
    """Where in the document: `("services", 0, "routes", 1)`."""
    parent: tuple[str, Entry] | None = None
    """The foreign key and the entity around it."""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Declared:
    """A document that is right."""

    catalog: Catalog
    hash: str

    @property
    def records(self) -> Iterator[tuple[str, Record]]:
        """Its records by kind, those that are mentioned first."""
        return self.catalog.stored()


def declare(
    document: Any,
    clock: Callable[[], float],
    descriptions: Descriptions,
    file: Iterable[FileRecord] = (),
    known: Catalog | None = None,
) -> Declared:
    """The entities of a document; raises Violation with every mistake that is in it.

    Where `known` has an entity of the same name, its id is taken, so that importing changes it.
    """
    return at_once(declaring(document, clock, descriptions, file, known))


def declaring(
    document: Any,
    clock: Callable[[], float],
    descriptions: Descriptions,
    file: Iterable[FileRecord] = (),
    known: Catalog | None = None,
) -> Pieces[Declared]:
    """The same in pieces: 100,000 routes take six seconds."""
    catalog = Catalog(clock, descriptions)
    catalog.load((), file)
    mistakes = Mistakes()
    reading = _Reading(mistakes, known)
    reading.read(document)
    for kind in SCHEMAS:
        for entry in reading.entries[kind]:
            reading.identify(entry)
            reading.enter(entry, catalog)
            yield
    mistakes.refuse()
    return Declared(catalog, configuration_hash(document))


@dataclass(slots=True)
class _Reading:
    """A document on its way into a catalog."""

    mistakes: Mistakes
    known: Catalog | None
    entries: dict[str, list[Entry]] = field(default_factory=lambda: {kind: [] for kind in SCHEMAS})
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    """Ids by kind and name, also of entities that are wrong: who mentions them is not to blame."""
    wrong: set[str] = field(default_factory=set)

    def read(self, document: Any) -> None:
        """Find the entities of a document."""
        if not isinstance(document, Mapping):
            self.mistakes.add((), "expected an object")
            return
        head = dict(document)
        version = head.pop("_format_version", None)
        if version is None:
            self.mistakes.add(("_format_version",), "required field missing")
        elif str(version) not in VERSIONS:
            self.mistakes.add(("_format_version",), f"expected one of: {', '.join(VERSIONS)}")
        if not isinstance(head.pop("_transform", True), bool):
            self.mistakes.add(("_transform",), "expected a boolean")
        head.pop("_comment", None)
        head.pop("_ignore", None)
        for name, value in head.items():
            if name in SCHEMAS:
                self.collection(name, value, (name,), None)
            elif name not in ABSENT or value:
                self.mistakes.add((str(name),), "unknown field")

    def collection(self, kind: str, value: Any, path: Path, parent: tuple[str, Entry] | None) -> None:
        """Find the entities of a list, and those in them."""
        if value is None:
            return
        if not isinstance(value, list | tuple):
            self.mistakes.add(path, "expected an array")
            return
        for place, each in enumerate(value):
            if isinstance(each, str) and kind == "snis" and parent is not None:
                each = {"name": each}
            if not isinstance(each, Mapping):
                self.mistakes.add((*path, place), "expected a record")
                continue
            raw = {str(key): part for key, part in each.items() if key not in ("_comment", "_ignore")}
            entry = Entry(kind, raw, (*path, place), parent)
            inner = {name: raw.pop(name) for name in NESTED.get(kind, {}) if name in raw}
            self.entries[kind].append(entry)
            for name, below in inner.items():
                self.collection(name, below, (*path, place, name), (NESTED[kind][name], entry))

    def identify(self, entry: Entry) -> None:
        """Fill in foreign keys and the id."""
        raw, schema = entry.raw, SCHEMAS[entry.kind]
        if entry.parent is not None:
            raw[entry.parent[0]] = {"id": entry.parent[1].id}
        for name, kind in schema.foreign_fields.items():
            raw[name] = self.reference(kind, raw.get(name))
        given = raw.get("id")
        if not isinstance(given, str) or not UUID.fullmatch(given):
            given = self.known_id(entry) or id_of(entry.kind, _key(entry.kind, raw))
            if raw.get("id") is None:
                raw["id"] = given
        entry.id = given.lower()
        label = raw.get(schema.endpoint_key) if schema.endpoint_key is not None else None
        if isinstance(label, str):
            self.names.setdefault((entry.kind, label), entry.id)

    def reference(self, kind: str, written: Any) -> Any:
        """A foreign key as the API has it: an id, or a name in its place, alone or in a record."""
        endpoint_key = SCHEMAS[kind].endpoint_key if kind in SCHEMAS else None
        text = written
        if isinstance(written, Mapping):
            text = written.get("id") or (written.get(endpoint_key) if endpoint_key is not None else None)
        if not isinstance(text, str):
            return written
        if UUID.fullmatch(text):
            return {"id": text.lower()}
        found = self.names.get((kind, text))
        return {"id": found} if found is not None else {endpoint_key or "id": text}

    def known_id(self, entry: Entry) -> str | None:
        """The id of the entity that has the same name in the catalog that is to be changed."""
        endpoint_key = SCHEMAS[entry.kind].endpoint_key
        name = entry.raw.get(endpoint_key) if endpoint_key is not None else None
        if self.known is None or not isinstance(name, str) or entry.kind == "targets":
            return None
        return self.known.table(entry.kind).by_unique(str(endpoint_key), name)

    def enter(self, entry: Entry, catalog: Catalog) -> None:
        """Make the entity."""
        try:
            proposal = catalog.create(entry.kind, entry.raw)
        except Violation as violation:
            if not self.blamed_on_others(entry):
                self.mistakes.violation(entry.path, entry.kind, entry.raw, violation)
            self.wrong.add(entry.id)
        else:
            catalog.apply(proposal.changes)

    def blamed_on_others(self, entry: Entry) -> bool:
        """Whether an entity is wrong because it mentions a wrong one."""
        foreign = [entry.raw.get(name) for name in SCHEMAS[entry.kind].foreign_fields]
        return any(isinstance(each, Mapping) and each.get("id") in self.wrong for each in foreign)


def _key(kind: str, raw: Mapping[str, Any]) -> str:
    """What makes an entity unique."""
    endpoint_key = SCHEMAS[kind].endpoint_key
    if kind == "targets":
        return _text([raw.get("upstream"), full_target(str(raw.get("target")))])
    if endpoint_key is not None and isinstance(raw.get(endpoint_key), str):
        return str(raw[endpoint_key])
    if kind == "plugins":
        return _text([raw.get(each) for each in SCHEMAS[kind].together])
    if kind == "ca_certificates":
        try:
            return digest(str(raw.get("cert")))
        except ValueError:
            pass
    return _text({name: value for name, value in raw.items() if name != "tags"})


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def configuration_hash(document: Any) -> str:
    """What `/status` tells of a document: the same for the same content."""
    return hashlib.md5(_text(document).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def diff(before: Catalog, wanted: Declared) -> tuple[Change, ...]:
    """The changes that make one catalog the other, in an order in which they may be made."""
    return at_once(differing(before, wanted))


def differing(before: Catalog, wanted: Declared) -> Pieces[tuple[Change, ...]]:
    """The same in pieces. What `wanted` has in common with the other keeps its times."""
    target = wanted.catalog
    gone: list[Change] = []
    made: list[Change] = []
    for kind in SCHEMAS:
        known = {record["id"]: record for record in before.every(kind)}
        old = {identity: each for identity, each in known.items() if before.written_at(kind, identity) is None}
        for record in target.every(kind):
            yield
            if target.written_at(kind, record["id"]) is not None:
                continue
            was = old.pop(record["id"], None)
            if was is None:
                made.append(Change(kind, record["id"], None, record))
            elif _content(was) == _content(record):
                target.table(kind).records[record["id"]] = was
            else:
                after = frozen({**thawed(record), "created_at": was["created_at"]})
                target.table(kind).records[record["id"]] = after
                made.append(Change(kind, record["id"], was, after))
        gone += [Change(kind, identity, was, None) for identity, was in old.items()]
    return (*reversed(gone), *made)


def _content(record: Record) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in TIMES}


def document_of(catalog: Catalog) -> dict[str, Any]:
    """What is stored as a document; without what is null."""
    return at_once(documenting(catalog))


def documenting(catalog: Catalog) -> Pieces[dict[str, Any]]:
    """The same in pieces."""
    found: dict[str, Any] = {"_format_version": LATEST, "_transform": False}
    for kind, record in list(catalog.stored()):
        yield
        shown = {name: value for name, value in thawed(record).items() if value is not None}
        for name in SCHEMAS[kind].foreign_fields:
            if name in shown:
                shown[name] = shown[name]["id"]
        found.setdefault(kind, []).append(shown)
    return found
