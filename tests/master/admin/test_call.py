"""One request as the endpoints see it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from admin_desk import AdminDesk, request_of

from penstock.master.admin.body import BadBody
from penstock.master.admin.call import Call, mapping


def call(folder: Path, raw: bytes, kind: str) -> Call:
    request = request_of("POST", "/routes", raw, {"Content-Type": kind})
    return Call(request, AdminDesk(folder, store=False).registrar, "POST", ("routes",))


def test_a_form_has_the_types_of_the_schema(tmp_path: Path) -> None:
    async def check() -> None:
        found = await call(tmp_path, b"snis=a.test&preserve_host=true", "application/x-www-form-urlencoded").entity(
            "routes"
        )
        assert found == {"snis": ["a.test"], "preserve_host": True}

    asyncio.run(check())


def test_json_is_taken_as_it_is(tmp_path: Path) -> None:
    async def check() -> None:
        asked = call(tmp_path, b'{"preserve_host": "true"}', "application/json")
        assert await asked.entity("routes") == {"preserve_host": "true"}
        assert await asked.fields() == {"preserve_host": "true"}

    asyncio.run(check())


def test_no_body_is_an_empty_one() -> None:
    assert mapping(None) == {}


@pytest.mark.parametrize("value", [[], "x", 1, True])
def test_a_body_is_an_object(value: object) -> None:
    with pytest.raises(BadBody, match="expected a JSON object"):
        mapping(value)
