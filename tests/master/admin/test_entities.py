"""The endpoints of entities: what each method does on collections, members and nested ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from admin_desk import AdminDesk
from certs import Authority

from penstock.master.admin.entities import Entities, Showing


def test_a_service_and_its_route_as_forms(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        made = await desk.ask("POST", "/services", {"name": "s", "url": "tcp://127.0.0.1:30000"})
        assert (made.status, made.body["protocol"], made.body["port"]) == (201, "tcp", 30000)
        route = await desk.ask("POST", "/services/s/routes", {"protocols": "tls", "snis": "a.test"})
        assert (route.status, route.body["snis"], route.body["service"]) == (201, ["a.test"], {"id": made.body["id"]})
        assert (await desk.ask("GET", "/services/s/routes")).body["data"] == [route.body]
        assert (await desk.ask("GET", f"/routes/{route.body['id']}/service")).body == made.body
        assert (await desk.ask("GET", "/services/")).body["data"] == [made.body]

    desk.run(work, lambda _registrar: [Entities(Showing())])
    assert [version for version, _ in desk.workers.published] == [1, 2]


def test_each_method_of_a_member(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        put = await desk.ask("PUT", "/services/s", json_body={"host": "a.test", "protocol": "tcp", "port": 1})
        assert (put.status, put.body["name"]) == (200, "s")
        patched = await desk.ask("PATCH", "/services/s", json_body={"port": 2})
        assert (patched.status, patched.body["port"], patched.body["host"]) == (200, 2, "a.test")
        assert (await desk.ask("GET", "/services/s")).body == patched.body
        assert (await desk.ask("PATCH", "/services/nobody", json_body={})).status == 404
        assert [(await desk.ask("DELETE", "/services/s")).status for _ in range(2)] == [204, 204]
        assert (await desk.ask("GET", "/services/s")).status == 404

    desk.run(work, lambda _registrar: [Entities(Showing())])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("OPTIONS", "/services", 204),
        ("OPTIONS", "/services/x", 204),
        ("DELETE", "/services", 405),
        ("POST", "/services/x", 405),
        ("GET", "/services/x/routes", 404),
        ("DELETE", "/services/x/routes/y", 404),
        ("GET", "/routes/x/service", 404),
        ("GET", "/nothing", 404),
        ("GET", "/services/x/targets", 404),
        ("GET", "/targets", 404),
        ("GET", "/snis/x/certificate", 404),
    ],
)
def test_paths_and_methods(tmp_path: Path, method: str, path: str, status: int) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        assert (await desk.ask(method, path)).status == status

    desk.run(work, lambda _registrar: [Entities(Showing())])


def test_lists_have_pages(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        for name in "abc":
            await desk.ask("POST", "/services", {"name": name, "url": "tcp://x.test:1", "tags": "t"})
        first = (await desk.ask("GET", "/services?size=2&tags=t")).body
        assert len(first["data"]) == 2
        assert first["next"].startswith("/services?")
        second = (await desk.ask("GET", first["next"])).body
        assert (len(second["data"]), second["next"]) == (1, None)
        assert (await desk.ask("GET", "/services?size=0")).body["code"] == 9

    desk.run(work, lambda _registrar: [Entities(Showing())])


def test_keys_may_be_hidden(tmp_path: Path, authority: Authority) -> None:
    desk = AdminDesk(tmp_path)
    pair = authority.issue("a.test")
    body = {"cert": pair.crt.read_text(), "key": pair.key.read_text(), "snis": ["a.test"]}

    async def work() -> None:
        made = await desk.ask("POST", "/certificates", json_body=body)
        assert (made.status, made.body["snis"]) == (201, ["a.test"])
        for answer in (made, await desk.ask("GET", "/certificates/a.test")):
            assert "key" not in answer.body
            assert answer.body["cert"] == body["cert"]

    desk.run(work, lambda _registrar: [Entities(Showing(lambda: True))])


def test_keys_are_shown_as_kong_does(tmp_path: Path, authority: Authority) -> None:
    desk = AdminDesk(tmp_path)
    pair = authority.issue("a.test")
    body = {"cert": pair.crt.read_text(), "key": pair.key.read_text()}

    async def work() -> None:
        assert (await desk.ask("POST", "/certificates", json_body=body)).body["key"] == body["key"]

    desk.run(work, lambda _registrar: [Entities(Showing())])
