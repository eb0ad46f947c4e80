"""Two nodes on one real PostgreSQL: changes on either, connections that break, a database that restarts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from administered import CONFIG, Administered, database
from clients import careless, connect_tls, echoed
from deadline import seconds, wait_for
from needs import need
from peers import Peer
from postgres import Postgres, running

KILL = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@pytest.fixture(scope="module")
def own() -> Iterator[Postgres]:
    """A PostgreSQL that may be stopped."""
    need("postgres")
    with running() as cluster:
        yield cluster


Nodes = tuple[Administered, Administered]


@pytest.fixture
def kept(own: Postgres) -> str:
    """A database of the test's own."""
    return database(own)


@pytest.fixture
def nodes(tmp_path: Path, kept: str) -> Iterator[Nodes]:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with (
        Administered(tmp_path / "one", CONFIG, DATABASE=kept) as one,
        Administered(tmp_path / "two", CONFIG, DATABASE=kept) as two,
    ):
        yield one, two


def name_of(kept: str) -> str:
    """The database's name."""
    return kept.split("dbname=")[1].strip('"')


def there(gate: Administered, path: str) -> Callable[[], bool]:
    return lambda: gate.ask("GET", path).status == 200


def reached(gate: Administered, name: str) -> bool:
    """Whether sessions get through."""
    try:
        with connect_tls(gate.port("one"), careless(), name) as client:
            return echoed(client, b"x") == b"x"
    except OSError:
        return False


def reachable(gate: Administered) -> bool:
    """Whether a node has its database."""
    return bool(gate.get("/status")["database"]["reachable"])


def same(nodes: Nodes) -> bool:
    """Whether both show the same of what is stored."""
    paths = ("/services?size=1000", "/routes?size=1000")

    def stored(gate: Administered, path: str) -> list[Any]:
        return [each for each in gate.get(path)["data"] if each.get("name") != "written"]

    return all(stored(nodes[0], path) == stored(nodes[1], path) for path in paths)


def test_a_change_on_either_is_in_force_on_both_within_a_second(nodes: Nodes, echo: Peer) -> None:
    one, two = nodes
    one.post("/services", {"name": "s", "url": f"tcp://{echo}"})
    wait_for(there(two, "/services/s"), "the other node knows the service", 5)
    two.post("/services/s/routes", {"name": "r", "protocols": "tls", "snis": "r.test"})
    assert reached(two, "r.test")
    begun = time.monotonic()
    wait_for(lambda: reached(one, "r.test"), "the route is in force there", 10)
    assert time.monotonic() - begun < seconds(1.5)
    assert two.ask("PATCH", "/routes/r", {"snis": "q.test"}).status == 200
    wait_for(lambda: reached(one, "q.test") and not reached(one, "r.test"), "its change is", 5)
    assert one.ask("DELETE", "/routes/r").status == 204
    wait_for(lambda: not reached(two, "q.test"), "its end is", 5)


def test_both_write_at_the_same_time_and_agree(nodes: Nodes) -> None:
    for number in range(20):
        made = [gate.ask("POST", "/services", {"name": f"n{number}", "host": "h"}).status for gate in nodes]
        assert sorted(made) == [201, 409], made
    wait_for(lambda: same(nodes), "both know the same", 5)
    assert len(nodes[0].get("/services")["data"]) == 21


def test_nodes_know_of_each_other(nodes: Nodes) -> None:
    one, two = nodes
    wait_for(lambda: len(one.get("/cluster")["data"]) == 2, "both have reported", 15)
    ids = {gate.get("/")["node_id"] for gate in nodes}
    assert {node["id"] for node in two.get("/cluster")["data"]} == ids
    assert [node["this"] for node in one.get("/cluster")["data"]].count(True) == 1
    one.post("/services", {"name": "s", "host": "h"})
    wait_for(lambda: {node["version"] for node in two.get("/cluster")["data"]} == {1}, "no node is behind", 15)


def test_a_broken_connection_misses_nothing(nodes: Nodes, own: Postgres, kept: str) -> None:
    one, two = nodes
    one.post("/services", {"name": "before", "host": "h"})
    wait_for(there(two, "/services/before"), "both are connected", 5)
    own.sql(name_of(kept), KILL)
    wait_for(lambda: one.ask("POST", "/services", {"name": "after", "host": "h"}).status in (201, 409), "written", 15)
    wait_for(there(two, "/services/after"), "the other has caught up", 15)
    wait_for(lambda: same(nodes), "both know the same", 5)


def test_a_database_that_restarts(nodes: Nodes, own: Postgres, echo: Peer) -> None:
    one, two = nodes
    one.post("/services", {"name": "s", "url": f"tcp://{echo}"})
    one.post("/services/s/routes", {"name": "r", "protocols": "tls", "snis": "r.test"})
    wait_for(lambda: reached(two, "r.test"), "both serve", 5)
    own.stop()
    try:
        wait_for(lambda: not reachable(one), "it is noticed", 15)
        assert one.get("/status")["database"]["reason"]
        refused = one.ask("POST", "/services", {"name": "lost", "host": "h"})
        assert refused.status == 503
        assert refused.body["message"]
        assert reached(one, "r.test")
        assert reached(two, "r.test")
        assert one.get("/services/s")["name"] == "s"
    finally:
        own.start()
    for gate in nodes:
        wait_for(partial(reachable, gate), "it is back", 20)
    assert two.ask("GET", "/services/lost").status == 404
    two.post("/services", {"name": "again", "host": "h"})
    wait_for(there(one, "/services/again"), "changes are heard again", 15)


def test_a_node_begins_with_what_it_knew_while_the_database_is_away(
    tmp_path: Path, own: Postgres, kept: str, echo: Peer
) -> None:
    with Administered(tmp_path, CONFIG, DATABASE=kept) as gate:
        gate.post("/services", {"name": "s", "url": f"tcp://{echo}"})
        gate.post("/services/s/routes", {"name": "r", "protocols": "tls", "snis": "r.test"})
        gate.stop()
        own.stop()
        try:
            gate.start()
            assert reached(gate, "r.test")
            assert not reachable(gate)
            assert gate.ask("DELETE", "/routes/r").status == 503
        finally:
            own.start()
        wait_for(partial(reachable, gate), "it is back", 20)
        assert gate.ask("DELETE", "/routes/r").status == 204
        assert not reached(gate, "r.test")
