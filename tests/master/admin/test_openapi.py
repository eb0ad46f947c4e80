"""The OpenAPI document, as a value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock.master.admin.entities import NESTED, TOP
from penstock.master.admin.node import PATHS
from penstock.master.admin.openapi import document
from penstock.shared.entities.kinds import SCHEMAS

METHODS = {"get", "put", "post", "patch", "delete"}


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document()["paths"].items():
        for method in METHODS & item.keys():
            yield path, method, item[method]


def test_every_reference_leads_somewhere() -> None:
    components = document()["components"]
    for each in set(references(document())):
        _, _, where, name = each.split("/")
        assert name in components[where]


def test_every_path_that_is_told_of_is_described() -> None:
    shapes = {tuple("{}" if part.startswith("{") else part for part in path.split("/")) for path in document()["paths"]}
    undescribed = {"/openapi.json", "/timers", "/schemas/plugins/validate"}
    for path in set(PATHS) - undescribed:
        assert tuple("{}" if part.startswith("{") else part for part in path.split("/")) in shapes, path
    for kind in TOP:
        assert f"/{kind}/{{key}}" in document()["paths"]
    for holder, kind in NESTED:
        assert f"/{holder}/{{key}}/{kind}/{{inner}}" in document()["paths"]


def test_every_part_of_a_path_is_a_parameter() -> None:
    for path, item in document()["paths"].items():
        named = {each.get("name") or each["$ref"].rsplit("/", 1)[1] for each in item.get("parameters", ())}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path


def test_every_operation_says_what_it_may_answer() -> None:
    for path, method, operation in operations():
        assert {"401", "414"} < operation["responses"].keys(), (path, method)
        assert operation["summary"]


def test_schemas_are_those_of_the_entities() -> None:
    schemas = document()["components"]["schemas"]
    for kind, schema in SCHEMAS.items():
        assert set(schema.fields) <= schemas[kind]["properties"].keys()
        assert schemas[f"{kind}-body"]["additionalProperties"] is False
    assert "url" in schemas["services-body"]["properties"]
    assert "url" not in schemas["services"]["properties"]


def test_links_lead_to_operations() -> None:
    known = {operation.get("operationId") for _, _, operation in operations()}
    for kind in TOP:
        links = document()["paths"][f"/{kind}"]["post"]["responses"]["201"]["links"]
        assert {link["operationId"] for link in links.values()} <= known
