"""What POST, PUT, PATCH and DELETE come to."""

from __future__ import annotations

import json

import pytest
from catalogs import ROUTE, SERVICE, Desk
from hypothesis import given
from hypothesis import strategies as st

from penstock.shared.entities.changes import FileRecord, Parent
from penstock.shared.entities.kinds import SCHEMAS, written_fields
from penstock.shared.entities.schema import thawed
from penstock.shared.entities.violation import Violation

ID = "6a0c0000-0000-4000-8000-000000000000"
OTHER = "6a0c0000-0000-4000-8000-000000000001"


def test_nothing_changes_until_a_proposal_is_applied() -> None:
    desk = Desk()
    proposal = desk.catalog.create("services", SERVICE)
    assert proposal.created
    assert desk.catalog.get("services", "s") is None
    desk.catalog.apply(proposal.changes)
    assert desk.catalog.find("services", "s") == proposal.changes[0].after


def test_records_cannot_be_changed() -> None:
    desk = Desk()
    desk.post("routes", ROUTE)
    record = desk.catalog.find("routes", "r")
    with pytest.raises(TypeError):
        record["name"] = "x"  # type: ignore[index]  # what is tried
    assert isinstance(record["snis"], tuple)


def test_an_id_may_be_given_once() -> None:
    desk = Desk()
    assert desk.post("services", {**SERVICE, "id": ID.upper()})["id"] == ID
    body = desk.refused("services", {"host": "x", "id": ID})
    assert (body["code"], body["fields"]) == (3, {"id": ID})
    assert desk.wrong("services", {"host": "x", "id": "x"}) == {"id": "expected a valid UUID"}


def test_a_name_is_unique() -> None:
    desk = Desk()
    desk.post("services", SERVICE)
    body = desk.refused("services", SERVICE)
    assert (body["code"], body["fields"]) == (5, {"name": "s"})


def test_others_are_named_by_id_or_by_name() -> None:
    desk = Desk()
    service = {"id": desk.post("services", SERVICE)["id"]}
    assert desk.post("routes", {**ROUTE, "service": {"name": "s"}})["service"] == service
    assert desk.patch("routes", "r", {"service": None})["service"] is None
    assert desk.patch("routes", "r", {"service": service})["service"] == service


def test_others_that_are_not_there() -> None:
    desk = Desk()
    body = desk.refused("routes", {**ROUTE, "service": {"name": "s"}})
    text = "the foreign key cannot be resolved with '{name=\"s\"}' for an existing 'services' entity"
    assert (body["code"], body["fields"]) == (13, {"service": {"name": text}})
    body = desk.refused("routes", {**ROUTE, "service": {"id": ID}})
    assert (body["code"], body["fields"]) == (4, {"service": {"id": ID}})
    body = desk.refused("routes", {**ROUTE, "service": {"id": "x"}})
    assert body["message"] == "schema violation (service.id: expected a valid UUID)"


def test_put_returns_what_is_not_told_to_its_default_and_keeps_id_and_age() -> None:
    desk = Desk()
    before = desk.post("services", {**SERVICE, "retries": 9})
    desk.now += 10
    after = desk.put("services", "s", {"url": "tcp://b.test:2"})
    assert (after["id"], after["created_at"], after["retries"], after["name"]) == (
        before["id"],
        before["created_at"],
        5,
        "s",
    )
    assert after["updated_at"] == before["updated_at"] + 10


def test_put_makes_what_is_not_there() -> None:
    desk = Desk()
    proposal = desk.catalog.replace("services", "new", {**SERVICE, "name": "other"})
    assert proposal.created
    assert desk.done(proposal)["name"] == "new"
    assert desk.put("services", ID, {"host": "x", "id": OTHER})["id"] == ID


def test_put_of_a_name_that_another_has() -> None:
    desk = Desk()
    desk.post("services", SERVICE)
    with pytest.raises(Violation, match="UNIQUE violation"):
        desk.put("services", ID, SERVICE)


def test_patch_leaves_what_is_not_told() -> None:
    desk = Desk()
    desk.post("services", {**SERVICE, "retries": 9, "tags": ["a"]})
    after = desk.patch("services", "s", {"url": "tls://b.test", "id": OTHER, "tags": ["b"]})
    assert (after["protocol"], after["host"], after["port"]) == ("tls", "b.test", 30000)
    assert (after["retries"], after["tags"]) == (9, ("b",))
    assert after["id"] != OTHER


def test_patch_is_held_against_the_whole() -> None:
    desk = Desk()
    desk.post("services", SERVICE)
    with pytest.raises(Violation, match="path: value must be null"):
        desk.patch("services", "s", {"path": "/"})
    with pytest.raises(Violation, match="url: expected a string"):
        desk.patch("services", "s", {"url": 5})
    with pytest.raises(Violation, match="could not find"):
        desk.patch("services", "none", {})


def test_a_route_may_lose_a_name_that_another_takes_at_once() -> None:
    desk = Desk()
    a, b = desk.post("services", {**SERVICE, "name": "a"}), desk.post("services", {**SERVICE, "name": "b"})
    swapped = [
        *desk.catalog.update("services", a["id"], {"name": None}).changes,
        *desk.catalog.update("services", b["id"], {"tags": ["x"]}).changes,
    ]
    desk.catalog.apply(swapped)
    desk.patch("services", "b", {"name": "a"})
    assert desk.catalog.find("services", "a")["id"] == b["id"]


def test_what_is_in_use_stays() -> None:
    desk = Desk()
    service = Parent("service", desk.post("services", SERVICE)["id"])
    desk.post("routes", ROUTE, service)
    with pytest.raises(Violation, match="an existing 'routes' entity references this 'services' entity"):
        desk.delete("services", "s")
    desk.delete("routes", "r")
    desk.delete("services", "s")
    assert desk.catalog.get("services", "s") is None


def test_deleting_what_is_not_there_changes_nothing_at_the_top_and_is_an_error_below() -> None:
    desk = Desk()
    assert desk.catalog.delete("services", "none").changes == ()
    with pytest.raises(Violation, match="could not find"):
        desk.delete("routes", "none", Parent("service", ID))


def test_a_member_of_another_parent_is_not_found() -> None:
    desk = Desk()
    mine = Parent("service", desk.post("services", SERVICE)["id"])
    other = Parent("service", desk.post("services", {**SERVICE, "name": "t"})["id"])
    made = desk.post("routes", ROUTE, mine)
    assert desk.catalog.find("routes", "r", mine)["id"] == made["id"]
    assert desk.catalog.get("routes", "r", other) is None
    for refused in (desk.patch, desk.put):
        with pytest.raises(Violation, match="could not find"):
            refused("routes", made["id"], ROUTE, other)
    assert desk.put("routes", "new", {**ROUTE, "name": "x"}, mine)["service"] == {"id": mine.id}


def test_a_body_that_is_no_object() -> None:
    body = Desk().refused("services", [])  # type: ignore[arg-type]  # what JSON may be
    assert body["fields"] == {"@entity": ["expected a record"]}


def test_a_schema_alone_knows_nothing_of_others() -> None:
    desk = Desk()
    desk.post("services", SERVICE)
    desk.catalog.validate("services", SERVICE)
    with pytest.raises(Violation, match="host: required field missing"):
        desk.catalog.validate("services", {})


def file_service() -> FileRecord:
    desk = Desk()
    return FileRecord("services", desk.post("services", {**SERVICE, "name": "file", "id": ID}), "penstock.conf:7")


def test_what_the_file_says_cannot_be_written() -> None:
    desk = Desk(file_service())
    assert desk.catalog.find("services", "file")["id"] == ID
    for write in (desk.put, desk.patch):
        with pytest.raises(Violation, match=r"'file' of 'services' is written .* at penstock\.conf:7"):
            write("services", "file", SERVICE)
    with pytest.raises(Violation, match=r"penstock\.conf:7"):
        desk.delete("services", "file")
    with pytest.raises(Violation, match=r"penstock\.conf:7"):
        desk.post("routes", {**ROUTE, "service": {"name": "file"}})
    assert desk.refused("services", {**SERVICE, "name": "file"})["code"] == 5
    assert list(desk.catalog.stored()) == []


NULLABLE = st.none() | st.integers(0, 3)
SERVICES = st.fixed_dictionaries(
    {"host": st.sampled_from(["a.test", "10.0.0.1"])},
    optional={
        "name": st.none() | st.sampled_from(["x", "y"]),
        "protocol": st.sampled_from(["tcp", "tls"]),
        "retries": NULLABLE,
        "tags": st.none() | st.lists(st.sampled_from(["t", "u"]), unique=True),
        "enabled": st.booleans(),
    },
)
UPSTREAMS = st.fixed_dictionaries(
    {"name": st.sampled_from(["u", "v"])},
    optional={
        "algorithm": st.sampled_from(["round-robin", "least-connections", "latency"]),
        "hash_on": st.sampled_from(["none", "ip"]),
        "slots": st.integers(10, 12),
        "healthchecks": st.fixed_dictionaries(
            {}, optional={"threshold": NULLABLE, "active": st.fixed_dictionaries({}, optional={"timeout": NULLABLE})}
        ),
    },
)
BODIES = st.tuples(st.just("services"), SERVICES) | st.tuples(st.just("upstreams"), UPSTREAMS)


@given(BODIES, st.sampled_from(["put", "patch"]))
def test_writing_back_what_was_read_changes_nothing_but_the_time(
    made: tuple[str, dict[str, object]], method: str
) -> None:
    desk = Desk()
    kind, body = made
    record = desk.post(kind, body)
    desk.now += 5
    after = getattr(desk, method)(kind, record["id"], thawed(record))
    assert after == {**record, "updated_at": record["updated_at"] + 5}


@given(SERVICES, SERVICES)
def test_put_gives_what_post_would_give(before: dict[str, object], body: dict[str, object]) -> None:
    desk = Desk()
    identity = desk.post("services", before)["id"]
    assert desk.put("services", identity, body) == Desk().post("services", {**body, "id": identity})


@given(SERVICES, st.sampled_from(["host", "retries", "tags", "enabled", "name"]))
def test_patch_of_one_field_leaves_the_others(body: dict[str, object], field: str) -> None:
    desk = Desk()
    before = desk.post("services", body)
    after = desk.patch("services", before["id"], {field: {"enabled": False, "host": "z.test"}.get(field)})
    assert {name for name in before if before[name] != after[name]} <= {field}


KEYS = st.sampled_from(["id", "name", "ip"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "ip"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.data())
def test_no_body_is_more_than_refused(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(SCHEMAS)))
    body = data.draw(st.dictionaries(st.sampled_from([*written_fields(kind), "foo"]), JSON, max_size=6))
    try:
        Desk().post(kind, body)
    except Violation as violation:
        json.dumps(violation.body)
