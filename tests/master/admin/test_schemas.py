"""Schemas, plugins and tags."""

from __future__ import annotations

from pathlib import Path

import pytest
from admin_desk import AdminDesk
from catalogs import IP_RESTRICTION

from penstock.master.admin.api import Endpoints
from penstock.master.admin.entities import Entities, Showing
from penstock.master.admin.schemas import Schemas

GROUPS: list[Endpoints] = [Schemas([{**IP_RESTRICTION, "phases": ["preread"], "doc": ""}]), Entities(Showing())]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/schemas/services", 200),
        ("GET", "/schemas/plugins/ip-restriction", 200),
        ("GET", "/plugins/schema/ip-restriction", 200),
        ("GET", "/schemas/nothing", 404),
        ("GET", "/schemas/plugins/nothing", 404),
        ("POST", "/schemas/services", 405),
        ("OPTIONS", "/schemas/services", 204),
        ("GET", "/schemas/services/validate", 405),
    ],
)
def test_schemas(tmp_path: Path, method: str, path: str, status: int) -> None:
    desk = AdminDesk(tmp_path, store=False)

    async def work() -> None:
        answer = await desk.ask(method, path)
        assert answer.status == status
        if status == 200:
            assert all(len(each) == 1 for each in answer.body["fields"])

    desk.run(work, lambda _registrar: GROUPS)


def test_a_body_is_validated_without_being_stored(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        good = await desk.ask("POST", "/schemas/services/validate", json_body={"host": "a.test"})
        assert (good.status, good.body) == (200, {"message": "schema validation successful"})
        bad = await desk.ask("POST", "/schemas/services/validate", json_body={"port": "x"})
        assert bad.status == 400
        assert bad.body["fields"] == {"host": "required field missing", "port": "expected an integer"}
        plugin = await desk.ask(
            "POST", "/schemas/plugins/validate", json_body={"name": "ip-restriction", "config": {"allow": ["x"]}}
        )
        assert plugin.body["fields"]["config"]["allow"] == ["invalid ip or cidr range: 'x'"]
        assert (await desk.ask("GET", "/services")).body["data"] == []

    desk.run(work, lambda _registrar: GROUPS)


def test_plugins_and_tags(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        assert (await desk.ask("GET", "/plugins/enabled")).body == {"enabled_plugins": ["ip-restriction"]}
        made = (await desk.ask("POST", "/services", {"name": "s", "host": "a.test", "tags": "blue"})).body
        row = {"entity_name": "services", "entity_id": made["id"], "tag": "blue"}
        assert (await desk.ask("GET", "/tags")).body["data"] == [row]
        assert (await desk.ask("GET", "/tags/blue")).body["data"] == [row]
        assert (await desk.ask("GET", "/tags/red")).body["data"] == []

    desk.run(work, lambda _registrar: GROUPS)
