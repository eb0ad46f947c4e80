"""States of targets set by hand, and the health of an upstream."""

from __future__ import annotations

from pathlib import Path

from admin_desk import AdminDesk

from penstock.master.admin.entities import Entities, Showing
from penstock.master.admin.targets import Targets


class Known:
    """Health as the checks know it."""

    def __init__(self, **states: bool) -> None:
        self.known = {("u", f"127.0.0.1:{name[1:]}"): state for name, state in states.items()}

    def states(self) -> dict[tuple[str, str], bool]:
        return self.known

    def set(self, upstream: str, address: str, healthy: bool) -> bool:
        if (upstream, address) not in self.known:
            return False
        self.known[upstream, address] = healthy
        return True


async def populate(desk: AdminDesk) -> None:
    await desk.ask("POST", "/upstreams", {"name": "u"})
    for place, weight in (("127.0.0.1:1", 100), ("127.0.0.1:2", 100), ("127.0.0.1:3", 0)):
        desk.now += 1
        made = await desk.ask("POST", "/upstreams/u/targets", {"target": place, "weight": str(weight)})
        assert made.status == 201


def test_the_health_of_targets(tmp_path: Path) -> None:
    desk, known = AdminDesk(tmp_path), Known(p1=True, p2=False)

    async def work() -> None:
        await populate(desk)
        answer = (await desk.ask("GET", "/upstreams/u/health")).body
        assert answer["node_id"] == "n"
        assert [(each["target"], each["health"]) for each in answer["data"]] == [
            ("127.0.0.1:3", "HEALTHCHECKS_OFF"),
            ("127.0.0.1:2", "UNHEALTHY"),
            ("127.0.0.1:1", "HEALTHY"),
        ]
        assert answer["data"][2]["data"]["addresses"] == [
            {"ip": "127.0.0.1", "port": 1, "weight": 100, "health": "HEALTHY"}
        ]
        whole = (await desk.ask("GET", "/upstreams/u/health?balancer_health=1")).body["data"]
        assert (whole["health"], whole["details"]["weight"]["available"]) == ("HEALTHY", 100)

    desk.run(work, lambda _registrar: [Targets(known, "n"), Entities(Showing())])


def test_a_state_is_set_by_hand(tmp_path: Path) -> None:
    desk, known = AdminDesk(tmp_path), Known(p1=True)

    async def work() -> None:
        await populate(desk)
        assert (await desk.ask("PUT", "/upstreams/u/targets/127.0.0.1:1/unhealthy")).status == 204
        assert known.known["u", "127.0.0.1:1"] is False
        assert (await desk.ask("PUT", "/upstreams/u/targets/127.0.0.1:1/127.0.0.1/healthy")).status == 204
        assert known.known["u", "127.0.0.1:1"] is True
        assert (await desk.ask("PUT", "/upstreams/u/targets/127.0.0.1:9/healthy")).status == 404
        assert (await desk.ask("GET", "/upstreams/u/targets/127.0.0.1:1/healthy")).status == 405
        assert (await desk.ask("GET", "/upstreams/nobody/health")).status == 404

    desk.run(work, lambda _registrar: [Targets(known, "n"), Entities(Showing())])


def test_all_targets_newest_first(tmp_path: Path) -> None:
    desk = AdminDesk(tmp_path)

    async def work() -> None:
        await populate(desk)
        rows = (await desk.ask("GET", "/upstreams/u/targets/all")).body
        assert [each["target"][-1] for each in rows["data"]] == ["3", "2", "1"]
        assert (await desk.ask("POST", "/upstreams/u/targets/all")).status == 405

    desk.run(work, lambda _registrar: [Targets(Known(), "n"), Entities(Showing())])
