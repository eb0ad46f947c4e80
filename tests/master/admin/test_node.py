"""What a node tells of itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from admin_desk import AdminDesk
from builds import build

from penstock.master.admin.node import NodeInfo, Sight, sized
from penstock.master.admin.schemas import Schemas
from penstock.shared.version import __version__

SIGHT = Sight(build("stream { stream_listen 127.0.0.1:5555; }"), 1, (2, 3), 10, 4, True, {2: 2**20, 3: 2**21})


def node(sight: Sight = SIGHT) -> NodeInfo:
    return NodeInfo("id", "host", lambda: sight, Schemas([{"name": "p", "version": "1", "priority": 5}]))


def test_the_root_has_what_clients_read(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        root = (await desk.ask("GET", "/")).body
        assert (root["version"], root["configuration"]["database"]) == (__version__, "sqlite")
        assert all(part.isdigit() for part in root["version"].split("."))
        assert root["plugins"]["available_on_server"] == {"p": {"version": "1", "priority": 5}}
        assert root["pids"] == {"master": 1, "workers": [2, 3]}
        assert root["configuration"]["stream_listen"] == ["127.0.0.1:5555"]

    desk.run(work, lambda _registrar: [node()])


def test_the_status(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        assert (await desk.ask("GET", "/status?scale=" + "9" * 5000)).status == 200
        status = (await desk.ask("GET", "/status?unit=k&scale=1")).body
        assert status["server"]["connections_active"] == 4
        assert status["memory"]["workers_lua_vms"][0] == {"pid": 2, "http_allocated_gc": "1024.0 KiB"}
        assert status["database"] == {"reachable": True}
        desk.registrar.trouble = "it is away"
        assert (await desk.ask("GET", "/status")).body["database"] == {"reachable": False, "reason": "it is away"}

    desk.run(work, lambda _registrar: [node()])


def test_without_a_database_there_is_a_hash(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path, store=False)

    async def work() -> None:
        status = (await desk.ask("GET", "/status")).body
        assert status["configuration_hash"] == "0" * 32
        assert "database" not in status

    desk.run(work, lambda _registrar: [node()])


def test_readiness(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        answer = await desk.ask("GET", "/status/ready")
        assert (answer.status, answer.body) == (503, {"message": "no worker accepts"})
        assert (await desk.ask("GET", "/consumers")).body == {"data": [], "next": None}
        assert "/services" in (await desk.ask("GET", "/endpoints")).body["data"]
        assert (await desk.ask("POST", "/status")).status == 405

    desk.run(work, lambda _registrar: [node(replace(SIGHT, ready=False))])


def test_sizes() -> None:
    assert (sized(1.234, 2, "m"), sized(5, 0, "b"), sized(1, 1, "x")) == ("1.23 MiB", "5 B", "1.0 MiB")
