"""Changes of the catalog as they are proposed: what POST, PUT, PATCH and DELETE ask for, checked against all that is
there, before anything is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..live.records import reference
from ..plugin_schema import ENTITY
from .certificates import EXPIRED, digest, expired
from .changes import Change, Parent, Proposal
from .fields import UUID
from .kinds import LINKS, SCHEMAS
from .plugins import complete_plugin
from .schema import Record, Schema, frozen, refuse, thawed
from .sni_changes import Names, names_given, sni_changes
from .table import together_key
from .upstreams import full_target
from .violation import (
    authority_in_use,
    invalid_primary_key,
    no_such_reference,
    not_found,
    primary_key_violation,
    schema_violation,
    still_referenced,
    unique_violation,
    unresolved,
    written_in_file,
)

if TYPE_CHECKING:
    from .catalog import Catalog


def create(catalog: Catalog, kind: str, body: Mapping[str, Any], parent: Parent | None) -> Proposal:
    """POST."""
    raw = _prepared(catalog, kind, body, parent)
    names = names_given(kind, raw)
    record = _completed(catalog, kind, raw, names)
    if record["id"] is None:
        record["id"] = catalog.new_id()
    elif record["id"] in catalog.table(kind).records:
        raise primary_key_violation(record["id"])
    return _settled(catalog, kind, record, None, names)


def validate(catalog: Catalog, kind: str, body: Mapping[str, Any]) -> None:
    """A body against its schema alone."""
    raw = _prepared(catalog, kind, body, None)
    _completed(catalog, kind, raw, names_given(kind, raw))


def replace(catalog: Catalog, kind: str, key: str, body: Mapping[str, Any], parent: Parent | None) -> Proposal:
    """PUT. The path's key wins over the body's."""
    if kind == "targets":
        return update(catalog, kind, key, body, parent)  # Kong makes none so, and leaves what is not told
    before = catalog.get(kind, key, parent)
    identity = before["id"] if before is not None else catalog.identity(kind, key, parent)
    if before is None and identity in catalog.table(kind).records:
        raise not_found(kind, key)  # it is another parent's
    raw = _prepared(catalog, kind, body, parent)
    raw.pop("id", None)
    names = names_given(kind, raw)
    if not UUID.fullmatch(key):
        if kind == "certificates":
            names = names if before is not None else names.with_name(key)
        elif (endpoint_key := SCHEMAS[kind].endpoint_key) is None:
            raise invalid_primary_key(key)
        else:
            raw[endpoint_key] = key
    record = _completed(catalog, kind, raw, names)
    record["id"] = identity or catalog.new_id()
    return _settled(catalog, kind, record, before, names if names.given else Names(given=True))


def update(catalog: Catalog, kind: str, key: str, body: Mapping[str, Any], parent: Parent | None) -> Proposal:
    """PATCH: records are merged at every depth, lists replaced."""
    before = catalog.find(kind, key, parent)
    raw = _prepared(catalog, kind, body, None)
    raw.pop("id", None)
    names = names_given(kind, raw)
    schema = SCHEMAS[kind]
    raw, wrong = schema.expand(raw)
    merged = _merged(thawed(before), raw)
    record = _completed(catalog, kind, merged, names, wrong)
    return _settled(catalog, kind, record, before, names)


def delete(catalog: Catalog, kind: str, key: str, parent: Parent | None) -> Proposal:
    """DELETE: also of what goes with it."""
    before = catalog.get(kind, key, parent)
    if before is None:
        if parent is not None:
            raise not_found(kind, key)
        return Proposal(None, ())
    _refuse_written(catalog, kind, before)
    return Proposal(None, tuple(_deletions(catalog, kind, before)))


def _prepared(catalog: Catalog, kind: str, body: Mapping[str, Any], parent: Parent | None) -> dict[str, Any]:
    """A body of its own, with the parent in it and names of others replaced by ids."""
    if not isinstance(body, Mapping):
        raise schema_violation({ENTITY: ["expected a record"]})
    raw = dict(body)
    if parent is not None:
        raw[parent.field] = {"id": parent.id}
    for field, referred in SCHEMAS[kind].foreign_fields.items():
        named = raw.get(field)
        schema = SCHEMAS.get(referred)
        if schema is None or schema.endpoint_key is None or not isinstance(named, Mapping) or "id" in named:
            continue
        name = named.get(schema.endpoint_key)
        if isinstance(name, str):
            identity = catalog.table(referred).by_unique(schema.endpoint_key, name)
            if identity is None:
                raise unresolved(field, {schema.endpoint_key: name}, referred)
            raw[field] = {"id": identity}
    return raw


def _completed(
    catalog: Catalog, kind: str, raw: Mapping[str, Any], names: Names, wrong: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The whole record; `wrong` is given where shorthands have been spelt out. Raises Violation."""
    schema = SCHEMAS[kind]
    if wrong is None:
        raw, wrong = schema.expand(raw)
    if kind == "plugins":
        record, errors = complete_plugin(raw, catalog.descriptions)
    else:
        record, errors = schema.complete(raw)
    refuse({**errors, **wrong, **names.errors})
    if kind == "targets":
        record["target"] = full_target(record["target"])
    elif kind == "ca_certificates":
        record["cert_digest"] = digest(record["cert"])
    return record


def _merged(before: Any, given: Any) -> Any:
    if isinstance(before, dict) and isinstance(given, Mapping):
        merged = dict(before)
        for key, value in given.items():
            merged[key] = _merged(before.get(key), value)
        return merged
    return given


def _settled(catalog: Catalog, kind: str, record: dict[str, Any], before: Record | None, names: Names) -> Proposal:
    """The proposal of a complete record, once it has been checked against the others."""
    if before is not None:
        _refuse_written(catalog, kind, before)
    _dated(catalog, SCHEMAS[kind], record, before)
    if kind == "ca_certificates" and (before is None or before["cert"] != record["cert"]):
        refuse({ENTITY: [EXPIRED]} if expired(record["cert"], catalog.clock()) else {})
    _check_references(catalog, kind, record)
    if kind == "plugins":
        _check_protocols(catalog, record)
    _check_unique(catalog, SCHEMAS[kind], record)
    after = frozen(record)
    changes = [Change(kind, record["id"], before, after)]
    answer = dict(after)
    if kind == "certificates":
        held, further = sni_changes(catalog, record["id"], names, before is None)
        changes += further
        answer["snis"] = held
    return Proposal(answer, tuple(changes), created=before is None)


def _dated(catalog: Catalog, schema: Schema, record: dict[str, Any], before: Record | None) -> None:
    now = catalog.clock()
    moment = round(now, 3) if schema.exact_time else int(now)
    if before is not None:
        record["created_at"] = before["created_at"]
        record["updated_at"] = moment
    for field in ("created_at", "updated_at"):
        if record[field] is None:
            record[field] = moment


def _refuse_written(catalog: Catalog, kind: str, record: Record) -> None:
    where = catalog.written_at(kind, record["id"])
    if where is not None:
        raise written_in_file(kind, record.get("name") or record["id"], where)


def _check_references(catalog: Catalog, kind: str, record: Mapping[str, Any]) -> None:
    for field, referred in SCHEMAS[kind].foreign_fields.items():
        identity = reference(record, field)
        if identity is None:
            continue
        found = catalog.table(referred).records.get(identity) if referred in SCHEMAS else None
        if found is None:
            raise no_such_reference(field, {"id": identity}, referred)
        _refuse_written(catalog, referred, found)  # it may be gone after the next reload


def _check_unique(catalog: Catalog, schema: Schema, record: Mapping[str, Any]) -> None:
    table = catalog.table(schema.kind)
    for field in schema.unique_fields:
        if record[field] is not None and table.by_unique(field, record[field]) not in (None, record["id"]):
            raise unique_violation({field: record[field]})
    if together_key(schema, record) is not None and table.together(record) not in (None, record["id"]):
        raise unique_violation({field: record[field] for field in schema.together})


def _check_protocols(catalog: Catalog, plugin: Mapping[str, Any]) -> None:
    """A plugin that could never run is a mistake."""
    protocols = set(plugin["protocols"])
    route = reference(plugin, "route")
    if route is not None and protocols.isdisjoint(catalog.table("routes").records[route]["protocols"]):
        raise schema_violation({"protocols": "must match the associated route's protocols"})
    service = reference(plugin, "service")
    if route is not None or service is None:
        return
    routes = catalog.table("routes")
    ids = routes.children("service", service)
    if ids and all(protocols.isdisjoint(routes.records[each]["protocols"]) for each in ids):
        text = "must match the protocols of at least one route pointing to this Plugin's service"
        raise schema_violation({"protocols": text})


def _deletions(catalog: Catalog, kind: str, record: Record) -> Iterator[Change]:
    """A record and all that goes with it, that first."""
    identity = record["id"]
    links = [link for link in LINKS if link.parent == kind]
    for link in links:
        if not link.cascades and catalog.table(link.child).children(link.field, identity):
            raise still_referenced(kind, link.child)
    if kind == "ca_certificates" and (users := catalog.table("services").trusting(identity)):
        raise authority_in_use(identity, "services", users[0])
    gone: dict[tuple[str, str], Change] = {}
    for link in links:
        table = catalog.table(link.child)
        for child in table.children(link.field, identity) if link.cascades else ():
            for change in _deletions(catalog, link.child, table.records[child]):
                gone.setdefault((change.kind, change.id), change)
    yield from gone.values()
    yield Change(kind, identity, record, None)
