"""Sessions and the limits of their keys, without sockets: what is counted, said and given back."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

from viewed import Viewed

from penstock.shared.limit_zone import LimitZone
from penstock.shared.model.limit import LimitConn, LimitConnZone
from penstock.shared.model.log import Level
from penstock.shared.model.settings import Settings
from penstock.shared.template import compile_template
from penstock.shared.variables import lookup
from penstock.shared.zones import UNSHARED, Zones
from penstock.worker.limits import release, within_limits
from penstock.worker.session import Session


@dataclass
class Visit(Viewed):
    """A session that is asked whether it may go on."""

    held: list[tuple[LimitZone, int]] | None = None
    settings: Settings = field(default_factory=Settings)
    zones: Zones = field(default_factory=Zones)
    said: list[tuple[Level, str]] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)

    @property
    def target(self) -> SimpleNamespace:
        return SimpleNamespace(settings=self.settings, log=SimpleNamespace(write=self.write))

    @property
    def listener(self) -> SimpleNamespace:
        log = SimpleNamespace(crit=lambda text: self.write(Level.CRIT, text))
        return SimpleNamespace(worker=SimpleNamespace(birth=SimpleNamespace(zones=self.zones), log=log))

    def write(self, level: Level, text: str, _number: int = 0) -> None:
        self.said.append((level, text))

    def error(self, text: str) -> None:
        self.write(Level.ERROR, text + self.context())

    def context(self) -> str:
        return ", client: x"

    def refuse(self, status: int, word: str) -> None:
        self.refused.append((status, word))


class World:
    """Zones `one` and `two`, and who comes in."""

    def __init__(self, key: str = "$remote_addr", size: int = 1 << 15) -> None:
        self.declared = {name: LimitConnZone(name, size, compile_template(key, lookup)) for name in ("one", "two")}
        self.zones = Zones(1, {name: LimitZone(size, UNSHARED, 3) for name in self.declared})

    def visit(self, addr: str = "10.0.0.1", *, dry: bool = False, **limits: int) -> Visit:
        found = tuple(LimitConn(self.declared[name], most) for name, most in limits.items())
        settings = Settings(limits=found, limit_dry_run=dry, limit_log_level=Level.WARN)
        return Visit(remote_addr=addr, settings=settings, zones=self.zones)

    def count(self, name: str, key: str = "10.0.0.1") -> int:
        return self.zones.limits[name].count(key.encode())


def goes_on(visit: Visit) -> bool:
    return within_limits(cast(Session, visit))


def test_one_too_many_is_refused_and_said() -> None:
    world = World()
    first, second = world.visit(one=1), world.visit(one=1)
    assert goes_on(first)
    assert first.values == {"limit_conn_status": "PASSED"}
    assert not goes_on(second)
    assert second.refused == [(503, "limited")]
    assert second.values == {"limit_conn_status": "REJECTED"}
    assert second.said == [(Level.WARN, 'limiting connections by zone "one" while initializing session, client: x')]


def test_what_is_released_makes_room() -> None:
    world = World()
    first = world.visit(one=1, two=5)
    assert goes_on(first)
    assert (world.count("one"), world.count("two")) == (1, 1)
    release(cast(Session, first))
    assert first.held is None
    assert (world.count("one"), world.count("two")) == (0, 0)


def test_a_refusal_gives_back_what_was_counted_before() -> None:
    world = World()
    assert goes_on(world.visit(two=1))
    assert not goes_on(world.visit(one=9, two=1))
    assert (world.count("one"), world.count("two")) == (0, 1)


def test_a_dry_run_refuses_nothing() -> None:
    world = World()
    assert goes_on(world.visit(one=1))
    second = world.visit(one=1, dry=True)
    assert goes_on(second)
    assert second.refused == []
    assert second.values == {"limit_conn_status": "REJECTED_DRY_RUN"}
    assert "limiting connections, dry run, by zone" in second.said[0][1]


def test_empty_and_long_keys_are_not_counted() -> None:
    empty, long = World("").visit(one=1), World("x" * 256).visit(one=1)
    for visit in (empty, long):
        assert goes_on(visit)
        assert visit.held is None
        assert visit.values == {}
    assert empty.said == []
    assert "key is more than 255 bytes" in long.said[0][1]


def test_a_full_zone_refuses() -> None:
    world = World(size=64)
    assert goes_on(world.visit("10.0.0.1", one=1))
    other = world.visit("10.0.0.2", one=1)
    assert not goes_on(other)
    assert other.said == [(Level.CRIT, 'ngx_slab_alloc() failed: no memory in limit_conn_zone "one"')]
    assert other.refused == [(503, "limited")]
