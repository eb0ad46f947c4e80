"""Declarative documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from catalogs import NOW, ROUTE, SERVICE, Desk, described
from certs import Authority
from hypothesis import given
from hypothesis import strategies as st

from penstock.shared.entities.catalog import Catalog
from penstock.shared.entities.changes import FileRecord
from penstock.shared.entities.declarative import Declared, configuration_hash, declare, diff, document_of
from penstock.shared.entities.violation import Violation
from penstock.shared.entities.yaml_text import parse, text_of

NESTED_KEYS = ("services", "routes", "plugins", "upstreams", "targets", "certificates", "service")
HEAD = {"_format_version": "3.0"}
NESTED = """
_format_version: "3.0"
_transform: true
_comment: anything
services:
- name: orders
  url: tcp://10.0.0.7:5432
  tags: [team]
  routes:
  - name: orders-tls
    protocols: [tls]
    snis: [orders.test]
    plugins:
    - name: ip-restriction
      config: {allow: [10.0.0.0/8]}
upstreams:
- name: pool
  targets:
  - target: 10.0.0.8
  - target: 10.0.0.9:1
    weight: 5
routes:
- protocols: [tcp]
  destinations: [{port: 1}]
  service: orders
consumers: []
"""


def read(document: Any, **more: Any) -> Declared:
    return declare(document, lambda: NOW, described, **more)


def wrong(document: Any) -> dict[str, Any]:
    with pytest.raises(Violation) as raised:
        read(document)
    body = raised.value.body
    assert (body["code"], body["name"]) == (14, "invalid declarative configuration")
    return body


def test_entities_may_stand_in_each_other() -> None:
    catalog = read(parse(NESTED)).catalog
    service = catalog.find("services", "orders")
    route = catalog.find("routes", "orders-tls")
    assert (service["port"], route["service"]) == (5432, {"id": service["id"]})
    (plugin,) = catalog.every("plugins")
    assert (plugin["route"], plugin["config"]["allow"]) == ({"id": route["id"]}, ("10.0.0.0/8",))
    assert sorted(each["target"] for each in catalog.every("targets")) == ["10.0.0.8:8000", "10.0.0.9:1"]
    assert all(each["service"] == {"id": service["id"]} for each in catalog.every("routes"))


def test_the_same_document_has_the_same_ids() -> None:
    one, other = read(parse(NESTED)), read(parse(NESTED))
    assert list(one.records) == list(other.records)
    assert one.hash == other.hash


def test_certificates_have_names_as_texts_or_records(tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("a.test")
    certificate = {"cert": pair.crt.read_text(), "key": pair.key.read_text(), "snis": ["a.test", {"name": "b.test"}]}
    catalog = read({**HEAD, "certificates": [certificate]}).catalog
    (made,) = catalog.every("certificates")
    assert catalog.certificate_names(made["id"]) == ["a.test", "b.test"]


@pytest.mark.parametrize("version", ["1.1", "2.1", "3.0", 3.0, 2.1])
def test_versions(version: object) -> None:
    assert list(read({"_format_version": version}).records) == []


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ([], {"error": "expected an object"}),
        ({}, {"_format_version": "required field missing"}),
        ({"_format_version": "4.0"}, {"_format_version": "expected one of: 1.1, 2.1, 3.0"}),
        ({**HEAD, "_transform": "x"}, {"_transform": "expected a boolean"}),
        ({**HEAD, "foo": 1}, {"foo": "unknown field"}),
        ({**HEAD, "consumers": [{"username": "x"}]}, {"consumers": "unknown field"}),
        ({**HEAD, "services": {}}, {"services": "expected an array"}),
        ({**HEAD, "services": [SERVICE, 5]}, {"services": [None, "expected a record"]}),
        ({**HEAD, "services": [{"name": "x"}]}, {"services": [{"host": "required field missing"}]}),
        (
            {**HEAD, "services": [{**SERVICE, "routes": [ROUTE, {**ROUTE, "name": "x", "snis": ["a", "1.1.1.1"]}]}]},
            {"services": [{"routes": [None, {"snis": [None, "must not be an IP"]}]}]},
        ),
        (
            {**HEAD, "services": [SERVICE, SERVICE]},
            {
                "services": [
                    None,
                    {"@entity": ["uniqueness violation: 'services' entity with name set to 's' already declared"]},
                ]
            },
        ),
        (
            {**HEAD, "routes": [{**ROUTE, "service": "none"}]},
            {"routes": [{"service": "invalid reference 'service: none' (no such entity in 'services')"}]},
        ),
    ],
)
def test_mistakes_are_told_in_the_documents_shape(document: Any, fields: Any) -> None:
    assert wrong(document)["fields"] == fields


def test_who_mentions_a_wrong_entity_is_not_blamed() -> None:
    fields = wrong({**HEAD, "services": [{"name": "s", "routes": [ROUTE]}]})["fields"]
    assert fields == {"services": [{"host": "required field missing"}]}


def test_mistakes_are_also_told_flat() -> None:
    route_of_none = {"name": "r", "protocols": ["tcp"], "tags": ["t"]}
    bad = {"name": "s", "host": "x", "port": 99999, "routes": [route_of_none]}
    service, route = wrong({**HEAD, "services": [bad, {**SERVICE, "name": "t", "routes": [route_of_none]}]})[
        "flattened_errors"
    ]
    assert (service["entity_type"], service["entity_name"]) == ("service", "s")
    assert service["errors"] == [{"type": "field", "field": "port", "message": "value should be between 0 and 65535"}]
    assert (route["entity_type"], route["entity_tags"], route["errors"][0]["type"]) == ("route", ["t"], "entity")


def test_a_document_written_from_a_catalog_is_read_as_the_same() -> None:
    catalog = read(parse(NESTED)).catalog
    text = text_of(document_of(catalog))
    again = read(parse(text))
    assert list(again.records) == list(catalog.stored())
    assert text_of(document_of(again.catalog)) == text
    assert "tls_verify" not in text  # it is null


def test_the_difference_leads_from_one_to_the_other() -> None:
    desk = Desk()
    desk.post("services", {**SERVICE, "name": "old"})
    kept = desk.post("services", {**SERVICE, "name": "orders", "retries": 1})
    wanted = read(parse(NESTED), known=desk.catalog)
    assert wanted.catalog.find("services", "orders")["id"] == kept["id"]
    changes = diff(desk.catalog, wanted)
    assert {(each.kind, each.before is None, each.after is None) for each in changes if each.kind == "services"} == {
        ("services", False, True),
        ("services", False, False),
    }
    desk.catalog.apply(changes)
    assert list(desk.catalog.stored()) == list(wanted.records)
    assert diff(desk.catalog, wanted) == ()


def test_times_make_no_difference() -> None:
    before = read(parse(NESTED)).catalog
    later = declare(parse(NESTED), lambda: NOW + 5, described)
    assert diff(before, later) == ()


def test_what_the_file_says_is_neither_exported_nor_removed() -> None:
    written = FileRecord("services", Desk().post("services", {**SERVICE, "name": "file"}), "a.conf:1")
    empty = read(HEAD, file=[written])
    assert list(empty.records) == []
    catalog = Catalog(lambda: NOW, described)
    catalog.load((), [written])
    assert diff(catalog, empty) == ()
    with pytest.raises(Violation, match="already declared"):
        read({**HEAD, "services": [{**SERVICE, "name": "file"}]}, file=[written])


def test_the_hash_is_of_the_content() -> None:
    assert len(configuration_hash(HEAD)) == 32
    assert configuration_hash({"a": 1, "b": 2}) == configuration_hash({"b": 2, "a": 1})
    assert configuration_hash({"a": 1}) != configuration_hash({"a": 2})


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*NESTED_KEYS, "name", "host", "snis"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*NESTED_KEYS, "foo"]), VALUES, max_size=4))
def test_no_document_is_more_than_refused(document: dict[str, Any]) -> None:
    try:
        read({**HEAD, **document})
    except Violation as violation:
        json.dumps(violation.body)
