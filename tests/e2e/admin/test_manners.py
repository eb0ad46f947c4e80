"""HTTP manners, lists, tags, and what a node tells of itself."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from administered import Administered
from matching import UUID

COLLECTIONS = ("/services", "/routes", "/upstreams", "/certificates", "/snis", "/ca_certificates", "/plugins")


@pytest.fixture(scope="module")
def many(gate: Administered) -> list[str]:
    """The ids of services with tags, sorted."""
    tags = (["red"], ["blue"], ["red", "blue"], ["green one"], None)
    made = [
        gate.post("/services", value={"name": f"m{number}", "host": "h", "tags": tags[number % 5]})["id"]
        for number in range(25)
    ]
    return sorted(made)


@pytest.mark.parametrize("path", COLLECTIONS)
def test_collections_answer_with_kongs_headers(gate: Administered, path: str) -> None:
    reply = gate.ask("GET", path)
    assert reply.status == 200
    wanted = {
        "Content-Type": "application/json; charset=utf-8",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Credentials": "true",
        "Content-Length": str(len(reply.content)),
    }
    assert wanted.items() <= reply.headers.items()
    assert reply.headers["X-Kong-Admin-Latency"].isdecimal()
    assert reply.headers["Server"].startswith("penstock/")
    head = gate.ask("HEAD", path)
    assert (head.status, head.content, head.headers["Content-Type"]) == (200, b"", wanted["Content-Type"])
    options = gate.ask("OPTIONS", path)
    assert (options.status, options.content) == (204, b"")
    assert options.headers["Allow"] == options.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS, POST"
    assert options.headers["Access-Control-Allow-Headers"] == "Content-Type"
    member = gate.ask("OPTIONS", f"{path}/x")
    assert member.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    for method, place in (("PUT", path), ("DELETE", path), ("POST", f"{path}/x"), ("TRACE", path)):
        refused = gate.ask(method, place)
        assert (refused.status, refused.body) == (405, {"message": "Method not allowed"})
    assert gate.get(f"{path}/")["data"] == reply.body["data"]
    missing = gate.ask("GET", f"{path}/nobody")
    assert (missing.status, missing.body) == (404, {"message": "Not found"})


@pytest.mark.parametrize(
    ("raw", "kind", "status", "message"),
    [
        (b"{", "application/json", 400, "Cannot parse JSON body"),
        (b"", "application/json", 400, "schema violation (host: required field missing)"),
        (b'{"host":"h"} x', "application/json", 400, "Cannot parse JSON body"),
        (b'{"host":"h","port":NaN}', "application/json", 400, "Cannot parse JSON body"),
        (b'{"host":"\xff"}', "application/json", 400, "Cannot parse JSON body"),
        (b"[" * 5000, "application/json", 400, "Cannot parse JSON body"),
        (b"host=h", "text/plain", 415, "Unsupported content type: text/plain"),
        (b"<a/>", "application/xml", 415, "Unsupported content type: application/xml"),
        (b"host=%ff", "application/x-www-form-urlencoded", 400, None),
        (b"host=h\xff", "application/x-www-form-urlencoded", 400, None),
        (b"--x\r\n", "multipart/form-data", 400, None),
        (b"[]", "application/json", 400, None),
        (b'"x"', "application/json", 400, None),
        (b"3", "application/json", 400, None),
    ],
)
def test_bodies_that_cannot_be_read(
    gate: Administered, raw: bytes, kind: str, status: int, message: str | None
) -> None:
    reply = gate.ask("POST", "/services", raw=raw, headers={"Content-Type": kind})
    assert reply.status == status, reply
    assert message is None or reply.body["message"] == message


def test_a_multipart_form(gate: Administered) -> None:
    parts = (("name", "multi"), ("url", "tcp://h.test:1"), ("tags[]", "a"), ("tags[]", "b"))
    raw = "".join(f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in parts) + "--x--\r\n"
    reply = gate.ask("POST", "/services", raw=raw.encode(), headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (reply.status, reply.body["tags"], reply.body["port"]) == (201, ["a", "b"], 1)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_body_that_is_not_wanted_is_ignored(gate: Administered, method: str) -> None:
    reply = gate.ask(method, "/services/nobody", raw=b"{", headers={"Content-Type": "application/json"})
    assert reply.status == {"GET": 404, "DELETE": 204}[method]


@pytest.mark.parametrize("path", ["/nonsense", "/services/a/b/c/d", "/%00", "/services/%ff", "//", "/services//routes"])
def test_paths_that_are_none(gate: Administered, path: str) -> None:
    assert gate.ask("GET", path).status in ({404} if path != "//" else {200, 404})


def test_pages_lead_from_one_to_the_next(gate: Administered, many: list[str]) -> None:
    seen: list[str] = []
    path = "/services?size=7"
    for _ in range(30):
        page = gate.get(path)
        seen += [each["id"] for each in page["data"]]
        if page["next"] is None:
            assert "offset" not in page
            break
        assert page["next"].startswith("/services?")
        assert "size=7" in page["next"]
        place = page["offset"] + "=" * (-len(page["offset"]) % 4)
        assert json.loads(base64.b64decode(place)) == [page["data"][-1]["id"]]
        path = page["next"]
    assert seen == sorted(seen)
    assert set(many) <= set(seen)


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("size=0", 9, "size must be an integer between 1 and 1000"),
        ("size=1001", 9, "size must be an integer between 1 and 1000"),
        ("size=1.5", 9, "size must be an integer between 1 and 1000"),
        ("size=x", 9, "size must be a number"),
        ("size=", 9, "size must be a number"),
        ("offset=x", 7, "'x' is not a valid offset: bad base64 encoding"),
        ("offset=bm9uc2Vuc2U", 7, None),
        ("tags=", 11, "invalid option (tags: cannot be null)"),
        ("tags=a,b/c", 11, "invalid option (tags: invalid filter syntax)"),
        ("tags=a,,b", 11, "invalid option (tags: invalid filter syntax)"),
    ],
)
def test_lists_that_cannot_be(gate: Administered, query: str, code: int, message: str | None) -> None:
    reply = gate.ask("GET", f"/services?{query}")
    assert (reply.status, reply.body["code"]) == (400, code)
    assert message is None or reply.body["message"] == message


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("red", 10),
        ("blue", 10),
        ("red,blue", 5),
        ("red/blue", 15),
        ("green%20one", 5),
        ("nobody", 0),
        ("red&size=3", 3),
    ],
)
@pytest.mark.usefixtures("many")
def test_tags_filter(gate: Administered, query: str, number: int) -> None:
    page = gate.get(f"/services?tags={query}&nonsense=1")
    assert len(page["data"]) == number
    if "size" in query:
        assert "tags=red" in page["next"]


@pytest.mark.usefixtures("many")
def test_tags_are_listed(gate: Administered) -> None:
    rows = gate.get("/tags?size=1000")["data"]
    assert {row["tag"] for row in rows} >= {"red", "blue", "green one"}
    red = gate.get("/tags/red")["data"]
    assert len(red) == 10
    assert red[0].keys() == {"entity_name", "entity_id", "tag"}
    assert UUID.fullmatch(red[0]["entity_id"])
    first = gate.get("/tags?size=3")
    assert gate.get(first["next"])["data"][0] == rows[3]


def test_nested_lists_lead_to_themselves_without_size(gate: Administered) -> None:
    service = gate.post("/services", {"name": "nest", "url": "tcp://h:1"})
    for number in range(3):
        gate.post("/services/nest/routes", {"protocols": "tls", "snis": f"n{number}.test"})
    page = gate.get("/services/nest/routes?size=2")
    assert page["next"] == f"/services/{service['id']}/routes?offset={page['offset']}"
    assert len(gate.get(f"{page['next']}&size=2")["data"]) == 1


@pytest.mark.parametrize("path", ["/schemas/services", "/schemas/routes", "/schemas/upstreams", "/schemas/plugins"])
def test_schemas(gate: Administered, path: str) -> None:
    fields: list[dict[str, Any]] = gate.get(path)["fields"]
    names = [next(iter(field)) for field in fields]
    assert {"id", "tags"} <= set(names)
    assert all("type" in next(iter(field.values())) for field in fields)


def test_bodies_are_validated_and_not_kept(gate: Administered) -> None:
    before = gate.get("/services?size=1000")
    good = gate.ask("POST", "/schemas/services/validate", {"host": "h"})
    assert (good.status, good.body) == (200, {"message": "schema validation successful"})
    bad = gate.ask("POST", "/schemas/services/validate", {"host": "h", "port": "x"})
    assert (bad.status, bad.body["fields"]) == (400, {"port": "expected an integer"})
    assert gate.ask("GET", "/schemas/nonsense").body == {"message": "No entity named 'nonsense'"}
    assert gate.get("/services?size=1000") == before


def test_the_node(gate: Administered) -> None:
    root = gate.get("/")
    assert [int(part) for part in root["version"].split(".")]
    assert root["configuration"]["database"] in ("sqlite", "postgres")
    assert UUID.fullmatch(root["node_id"])
    assert root["pids"]["master"] == gate.pid
    assert sorted(root["pids"]["workers"]) == sorted(gate.workers())
    assert "password" not in json.dumps(root)
    status = gate.get("/status")
    assert status["database"] == {"reachable": True}
    assert status["server"].keys() >= {"connections_accepted", "connections_active", "total_requests"}
    assert "KiB" in json.dumps(gate.get("/status?unit=k&scale=3"))
    assert gate.get("/status/ready") == {"message": "ready"}
    assert gate.get("/consumers") == {"data": [], "next": None}
    assert "/services" in gate.get("/endpoints")["data"]
    assert gate.ask("GET", "/config").status == 400
