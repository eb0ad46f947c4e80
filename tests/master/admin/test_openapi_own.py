"""The paths of the OpenAPI document that are no entities'."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from administered import Administered

from penstock.master.admin.openapi_own import OWN, OWN_SCHEMAS, listed, record

CONFIG = "admin_listen 127.0.0.1:%%PORT_admin%%; stream { stream_listen 127.0.0.1:%%PORT_one%%; }"


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    folder: Path = tmp_path_factory.mktemp("gate")
    with Administered(folder, CONFIG) as running:
        yield running


def test_what_has_to_be_there_is_said() -> None:
    found = record({"a": {"type": "string"}}, {"b": {"type": "integer"}})
    assert (found["required"], list(found["properties"])) == (["a"], ["a", "b"])
    assert listed({"type": "string"})["required"] == ["data", "next"]
    assert "message" in OWN_SCHEMAS["refusal"]["required"]


@pytest.mark.parametrize("path", [path for path, item in OWN.items() if "get" in item and "{" not in path])
def test_reading_answers_what_is_required(gate: Administered, path: str) -> None:
    good: dict[str, Any] = OWN[path]["get"]["responses"]["200"]["content"]
    reply = gate.ask("GET", path)
    assert str(reply.status) in OWN[path]["get"]["responses"]
    if reply.status == 200 and "application/json" in good:
        assert set(good["application/json"]["schema"]["required"]) <= reply.body.keys()
