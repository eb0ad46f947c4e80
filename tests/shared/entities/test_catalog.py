"""The catalog: looking up, listing, applying; its indexes against a naive model."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from catalogs import NOW, ROUTE, SERVICE, Desk
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from penstock.shared.entities.catalog import Catalog
from penstock.shared.entities.changes import Change, FileRecord, Parent
from penstock.shared.entities.paging import Tags, tags_of
from penstock.shared.entities.violation import Violation

NAMES = st.sampled_from("abcd")
TAGS = st.lists(st.sampled_from("xyz"), max_size=3, unique=True)


def walk(catalog: Catalog, size: int, tags: Tags | None = None, parent: Parent | None = None) -> list[str]:
    found: list[str] = []
    offset = None
    while True:
        page = catalog.page("routes", size, offset, tags, parent)
        assert len(page.records) <= size
        found += [record["id"] for record in page.records]
        offset = page.offset
        if offset is None:
            return found


class CatalogMachine(RuleBasedStateMachine):
    """Services and routes come, change and go; a list of dictionaries is the model."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.services: dict[str, str] = {}
        self.routes: dict[str, dict[str, Any]] = {}

    @rule(name=NAMES)
    def add_service(self, name: str) -> None:
        if name in self.services:
            assert self.desk.refused("services", {**SERVICE, "name": name})["code"] == 5
        else:
            self.services[name] = self.desk.post("services", {**SERVICE, "name": name})["id"]

    @rule(name=NAMES, tags=TAGS, service=st.none() | NAMES)
    def put_route(self, name: str, tags: list[str], service: str | None) -> None:
        owner = self.services.get(service or "")
        body = {**ROUTE, "tags": tags, "service": {"id": owner} if owner else None}
        made = self.desk.put("routes", name, body)
        assert made["id"] == self.routes.get(name, made)["id"]
        self.routes[name] = {"id": made["id"], "tags": set(tags), "service": owner}

    @rule(old=NAMES, new=NAMES)
    def rename_route(self, old: str, new: str) -> None:
        if old not in self.routes:
            return
        if new in self.routes and new != old:
            with pytest.raises(Violation, match="UNIQUE"):
                self.desk.patch("routes", old, {"name": new})
        else:
            self.desk.patch("routes", old, {"name": new})
            self.routes[new] = self.routes.pop(old)

    @rule(name=NAMES)
    def remove_route(self, name: str) -> None:
        self.desk.delete("routes", name)
        self.routes.pop(name, None)

    @rule(name=NAMES)
    def remove_service(self, name: str) -> None:
        owner = self.services.get(name)
        if owner is not None and any(each["service"] == owner for each in self.routes.values()):
            with pytest.raises(Violation, match="references"):
                self.desk.delete("services", name)
        else:
            self.desk.delete("services", name)
            self.services.pop(name, None)

    @invariant()
    def lists_are_right(self) -> None:
        catalog = self.desk.catalog
        assert walk(catalog, 2) == sorted(each["id"] for each in self.routes.values())
        for text, wanted in (("x", {"x"}), ("x,y", {"x", "y"})):
            expected = sorted(each["id"] for each in self.routes.values() if wanted <= each["tags"])
            assert walk(catalog, 1, tags_of(text)) == expected
        either = sorted(each["id"] for each in self.routes.values() if each["tags"] & {"x", "y"})
        assert walk(catalog, 1, tags_of("x/y")) == either

    @invariant()
    def names_and_children_are_right(self) -> None:
        catalog = self.desk.catalog
        for name, each in self.routes.items():
            assert catalog.find("routes", name)["id"] == each["id"]
        for owner in self.services.values():
            expected = sorted(each["id"] for each in self.routes.values() if each["service"] == owner)
            assert walk(catalog, 1, parent=Parent("service", owner)) == expected

    @invariant()
    def a_catalog_loaded_from_it_is_the_same(self) -> None:
        again = Catalog(lambda: NOW)
        again.load(self.desk.catalog.stored())
        assert list(again.stored()) == list(self.desk.catalog.stored())
        assert list(again.tag_rows(100).records) == tag_rows(self.routes)


def tag_rows(routes: dict[str, dict[str, Any]]) -> list[dict[str, str]]:
    rows = sorted((tag, each["id"]) for each in routes.values() for tag in each["tags"])
    return [{"entity_name": "routes", "entity_id": identity, "tag": tag} for tag, identity in rows]


TestCatalog = CatalogMachine.TestCase
TestCatalog.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_tags_come_in_pages_over_all_kinds() -> None:
    desk = Desk()
    desk.post("services", {**SERVICE, "tags": ["b", "a"]})
    desk.post("routes", {**ROUTE, "tags": ["a"]})
    rows = []
    offset = None
    while True:
        page = desk.catalog.tag_rows(1, offset)
        rows += [(row["tag"], row["entity_name"]) for row in page.records]
        offset = page.offset
        if offset is None:
            break
    assert rows == [("a", "routes"), ("a", "services"), ("b", "services")]
    assert [row["entity_name"] for row in desk.catalog.tag_rows(10, tag="b").records] == ["services"]


def test_a_bad_offset_is_refused() -> None:
    with pytest.raises(Violation, match="'x' is not a valid offset"):
        Desk().catalog.page("routes", 1, "x")


def test_changes_of_another_node_are_applied_and_unknown_kinds_passed_over() -> None:
    desk, other = Desk(), Desk()
    changes = desk.catalog.create("services", SERVICE).changes
    other.catalog.apply([*changes, Change("new_kind", "i", None, {"id": "i"})])
    assert other.catalog.find("services", "s")["port"] == 30000


def test_two_may_exchange_their_names() -> None:
    desk = Desk()
    a, b = (desk.post("services", {**SERVICE, "name": name}) for name in "ab")
    catalog = desk.catalog
    catalog.apply(
        [
            Change("services", a["id"], None, {**catalog.find("services", "a"), "name": "b"}),
            Change("services", b["id"], None, {**catalog.find("services", "b"), "name": "a"}),
        ]
    )
    assert (catalog.find("services", "a")["id"], catalog.find("services", "b")["id"]) == (b["id"], a["id"])


def test_a_name_that_is_in_file_and_store_is_the_files() -> None:
    desk = Desk()
    stored = desk.post("services", SERVICE)
    written = {**stored, "id": str(uuid.uuid4())}
    desk.catalog.load([("services", stored)], [FileRecord("services", written, "a.conf:1")])
    assert desk.catalog.find("services", "s")["id"] == written["id"]
    assert desk.catalog.find("services", stored["id"])["id"] == stored["id"]
    assert desk.catalog.written_at("services", written["id"]) == "a.conf:1"
    assert desk.catalog.written_at("services", stored["id"]) is None
    assert [record["id"] for _, record in desk.catalog.stored()] == [stored["id"]]


def test_the_files_name_stays_when_the_stored_one_goes() -> None:
    desk = Desk()
    stored = desk.post("services", SERVICE)
    written = {**stored, "id": str(uuid.uuid4())}
    desk.catalog.load([("services", stored)], [FileRecord("services", written, "a.conf:1")])
    desk.delete("services", stored["id"])
    assert desk.catalog.find("services", "s")["id"] == written["id"]


def test_a_file_that_says_the_same_in_other_places_leaves_everything_as_it_is() -> None:
    desk = Desk()
    written = {**desk.post("services", SERVICE), "id": str(uuid.uuid4())}
    desk.catalog.load([], [FileRecord("services", written, "a.conf:1")])
    desk.post("routes", ROUTE)
    table, before = desk.catalog.table("services"), desk.catalog.find("services", "s")
    later = {**written, "created_at": 1, "updated_at": 1}
    desk.catalog.read_file([FileRecord("services", later, "a.conf:7")])
    assert desk.catalog.table("services") is table
    assert desk.catalog.find("services", "s") is before
    assert desk.catalog.written_at("services", written["id"]) == "a.conf:7"


@pytest.mark.parametrize("fields", [{"port": 1}, {"id": str(uuid.uuid4())}, {"name": "other"}])
def test_a_file_that_says_something_else_takes_the_place_of_the_one_before(fields: dict[str, Any]) -> None:
    desk = Desk()
    written = {**desk.post("services", SERVICE), "id": str(uuid.uuid4())}
    desk.catalog.load([], [FileRecord("services", written, "a.conf:1")])
    route = desk.post("routes", ROUTE)
    desk.catalog.read_file([FileRecord("services", {**written, **fields}, "a.conf:1")])
    assert [dict(record) for record in desk.catalog.every("services")] == [{**written, **fields}]
    assert desk.catalog.find("routes", route["id"]) is not None
    desk.catalog.read_file([])
    assert list(desk.catalog.every("services")) == []


def test_another_catalog_is_adopted_as_a_whole_or_change_by_change() -> None:
    for file in ([], [FileRecord("services", {**Desk().post("services", SERVICE), "name": "f"}, "a.conf:1")]):
        desk, other = Desk(*file), Desk()
        record = other.post("services", SERVICE)
        desk.catalog.adopt(other.catalog, [Change("services", record["id"], None, record)])
        assert desk.catalog.find("services", "s") == record
        assert [each["name"] for each in desk.catalog.every("services") if each["name"] == "f"] == ["f"] * len(file)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_every_tag_is_on_one_page_and_in_order(size: int) -> None:
    desk = Desk()
    for number in range(12):
        desk.post("services", {**SERVICE, "name": f"s{number}", "tags": [f"t{number % 5}", f"u{number}"]})
        desk.post("routes", {**ROUTE, "name": f"r{number}", "tags": [f"t{number % 3}"]})
    rows: list[Any] = []
    offset = None
    while True:
        page = desk.catalog.tag_rows(size, offset)
        assert len(page.records) <= size
        rows += [(row["tag"], row["entity_name"], row["entity_id"]) for row in page.records]
        offset = page.offset
        if offset is None:
            break
    assert len(rows) == 36
    assert rows == sorted(rows)
