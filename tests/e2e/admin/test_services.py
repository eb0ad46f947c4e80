"""Services: what is sent, and what is answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from administered import Administered
from matching import UUID, fits

NUMBERS = count(1)
WHOLE = {
    "id": UUID, "protocol": "tcp", "path": None, "retries": 5, "connect_timeout": 60000, "write_timeout": 60000,
    "read_timeout": 60000, "enabled": True, "tags": None, "client_certificate": None, "tls_verify": None,
    "tls_verify_depth": None, "ca_certificates": None,
}  # fmt: skip


@pytest.fixture
def name() -> str:
    return f"service-{next(NUMBERS)}"


@pytest.fixture
def service(gate: Administered, name: str) -> Iterator[dict[str, Any]]:
    """One that is there."""
    made: dict[str, Any] = gate.post("/services", {"name": name, "url": "tcp://192.0.2.1:30000", "tags": "kept"})
    yield made
    gate.ask("DELETE", f"/services/{made['id']}")


def test_the_articles_service_has_all_its_keys(gate: Administered, name: str) -> None:
    made = gate.post("/services", {"name": name, "url": "tcp://52.20.16.20:30000"})
    assert fits({**WHOLE, "name": name, "host": "52.20.16.20", "port": 30000}, made)
    assert made.keys() == {*WHOLE, "name", "host", "port", "created_at", "updated_at"}
    assert type(made["created_at"]) is int
    assert abs(made["created_at"] - time.time()) < 60
    assert gate.get(f"/services/{name}") == gate.get(f"/services/{made['id']}") == made


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"url": "tcp://h.test:1"}, {"protocol": "tcp", "host": "h.test", "port": 1, "path": None}),
        ({"url": "tls://h.test:1"}, {"protocol": "tls", "host": "h.test", "port": 1}),
        ({"protocol": "tls_passthrough", "host": "h.test"}, {"protocol": "tls_passthrough"}),
        ({"url": "http://h.test"}, {"protocol": "http", "port": 80, "path": None}),
        ({"url": "https://h.test/p"}, {"protocol": "https", "port": 443, "path": "/p"}),
        ({"url": "tcp://h.test"}, {"port": 80}),
        ({"url": "tcp://[::1]:7"}, {"host": "::1", "port": 7}),
        ({"url": "tcp://h.test:1", "retries": "3"}, {"retries": 3}),
        ({"host": "h.test"}, {"protocol": "http", "host": "h.test", "port": 80}),
        ({"host": "h.test", "protocol": "tcp", "port": "8"}, {"port": 8}),
        ({"host": "h.test", "port": "0"}, {"port": 0}),
        ({"host": "h.test", "tags": "a"}, {"tags": ["a"]}),
        ({"host": "h.test", "tags[]": "a"}, {"tags": ["a"]}),
        ({"host": "h.test", "tags[1]": "a", "tags[2]": "b c"}, {"tags": ["a", "b c"]}),
        ([("host", "h.test"), ("tags", "a"), ("tags", "b")], {"tags": ["a", "b"]}),
        ([("host", "h.test"), ("tags[]", "a"), ("tags[]", "b")], {"tags": ["a", "b"]}),
        ({"host": "h.test", "tags": ""}, {"tags": None}),
        ({"host": "h.test", "enabled": "false"}, {"enabled": False}),
        ({"host": "h.test", "protocol": "tls", "tls_verify": "true"}, {"tls_verify": True}),
        ({"host": "h.test", "retries": "0"}, {"retries": 0}),
        ({"host": "h.test", "retries": "5.0"}, {"retries": 5}),
        ({"host": "h.test", "path": "/a"}, {"path": "/a"}),
        ({"host": "xn--a-1fa.test"}, {"host": "xn--a-1fa.test"}),
    ],
)
def test_forms(gate: Administered, name: str, form: Any, wanted: dict[str, Any]) -> None:
    pairs = [*(form.items() if isinstance(form, dict) else form), ("name", name)]
    reply = gate.ask("POST", "/services", pairs)
    assert (reply.status, fits(wanted, reply.body)) == (201, True), reply
    assert gate.get(f"/services/{name}") == reply.body


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({}, {"host": "required field missing"}),
        ({"host": 3}, {"host": "expected a string"}),
        ({"host": "h", "port": "80"}, {"port": "expected an integer"}),
        ({"host": "h", "port": 65536}, {"port": "value should be between 0 and 65535"}),
        ({"host": "h", "port": -1}, {"port": "value should be between 0 and 65535"}),
        ({"host": "h", "port": 1.5}, {"port": "expected an integer"}),
        ({"host": "h", "retries": 40000}, {"retries": "value should be between 0 and 32767"}),
        ({"host": "h", "connect_timeout": 0}, {"connect_timeout": "value should be between 1 and 2147483646"}),
        ({"host": "h", "enabled": "yes"}, {"enabled": "expected a boolean"}),
        ({"host": "h", "tags": "a"}, {"tags": "expected a set"}),
        ({"host": "h", "tags": [1]}, {"tags": ["expected a string"]}),
        ({"host": "h", "tags": ["a", "b,c"]}, None),
        ({"host": "h", "nonsense": 1}, {"nonsense": "unknown field"}),
        ({"host": "h", "protocol": "ftp"}, None),
        ({"host": "h:80"}, {"host": "must not have a port"}),
        ({"host": "h", "path": "x"}, {"path": "should start with: /"}),
        ({"host": "h", "name": ""}, {"name": "length must be at least 1"}),
        ({"host": "h", "name": "a b"}, None),
        ({"host": "h", "id": "x"}, {"id": "expected a valid UUID"}),
        ({"host": "h", "protocol": "tcp", "path": "/a"}, {"path": "value must be null"}),
        ({"host": "h", "client_certificate": {"id": "11111111-1111-4111-8111-111111111111"}}, None),
        ({"host": "h", "tls_verify": 1}, {"tls_verify": "expected a boolean"}),
    ],
)  # fmt: skip
def test_what_is_refused(gate: Administered, value: dict[str, Any], fields: dict[str, Any] | None) -> None:
    reply = gate.ask("POST", "/services", value=value)
    assert reply.status == 400, reply
    assert fits({"code": 2, "name": "schema violation"}, reply.body) or reply.body["code"] == 4, reply
    assert set(value) - {"host"} >= reply.body["fields"].keys() - {"@entity", "host"}
    if fields is not None:
        assert reply.body["fields"] == fields or fits(fields, reply.body["fields"]), reply.body
        if len(reply.body["fields"]) == 1 and all(isinstance(each, str) for each in fields.values()):
            ((field, text),) = fields.items()
            assert reply.body["message"] == f"schema violation ({field}: {text})"


def test_several_mistakes_are_counted_and_sorted(gate: Administered) -> None:
    reply = gate.ask("POST", "/services", value={"port": "x", "retries": -1})
    assert reply.body["message"] == (
        "3 schema violations (host: required field missing; port: expected an integer; "
        "retries: value should be between 0 and 32767)"
    )


@pytest.mark.parametrize("url", ["tcp://h.test:1/", "tls://h.test:1/path", "tcp://h.test:1/a?b"])
def test_streams_have_no_path(gate: Administered, url: str) -> None:
    reply = gate.ask("POST", "/services", {"url": url})
    assert reply.status == 400
    assert "path" in reply.body["fields"]


def test_a_url_that_is_none(gate: Administered) -> None:
    reply = gate.ask("POST", "/services", {"url": "nonsense"})
    assert reply.body["fields"] == {"host": "required field missing", "path": "should start with: /"}


def test_names_are_taken_once(gate: Administered, service: dict[str, Any]) -> None:
    reply = gate.ask("POST", "/services", {"name": service["name"], "host": "h"})
    message = f"UNIQUE violation detected on '{{name=\"{service['name']}\"}}'"
    wanted = {"code": 5, "name": "unique constraint violation", "message": message, "fields": {"name": service["name"]}}
    assert (reply.status, reply.body) == (409, wanted)


def test_ids_are_taken_once(gate: Administered, service: dict[str, Any]) -> None:
    reply = gate.ask("POST", "/services", value={"id": service["id"], "host": "h"})
    assert (reply.status, reply.body["code"], reply.body["name"]) == (400, 3, "primary key violation")


def test_put_replaces_and_keeps_the_id(gate: Administered, service: dict[str, Any]) -> None:
    reply = gate.ask("PUT", f"/services/{service['name']}", {"url": "tcp://h.test:9", "name": "not-this"})
    assert reply.status == 200
    assert fits({"id": service["id"], "name": service["name"], "host": "h.test", "port": 9, "tags": None}, reply.body)
    assert reply.body["created_at"] == service["created_at"]
    by_id = gate.ask("PUT", f"/services/{service['id']}", {"host": "h.test", "name": service["name"]})
    assert fits({"id": service["id"], "name": service["name"], "protocol": "http"}, by_id.body)


def test_put_makes_what_is_not_there(gate: Administered, name: str) -> None:
    reply = gate.ask("PUT", f"/services/{name}", {"host": "h.test"})
    assert (reply.status, reply.body["name"]) == (200, name)
    identity = f"22222222-2222-4222-8222-{next(NUMBERS):012}"
    reply = gate.ask("PUT", f"/services/{identity}", {"host": "h.test"})
    assert (reply.status, reply.body["id"], reply.body["name"]) == (200, identity, None)


def test_patch_changes_what_is_named(gate: Administered, service: dict[str, Any]) -> None:
    reply = gate.ask("PATCH", f"/services/{service['name']}", {"port": "7"})
    assert (reply.status, {**reply.body, "updated_at": 0}) == (200, {**service, "port": 7, "updated_at": 0})
    assert gate.ask("PATCH", f"/services/{service['id']}", {"tags": ""}).body["tags"] is None
    assert gate.ask("PATCH", f"/services/{service['id']}", {"url": "tls://x.test:3"}).body["host"] == "x.test"
    assert gate.ask("PATCH", f"/services/{service['id']}", value={"port": "8"}).status == 400
    assert gate.get(f"/services/{service['id']}")["port"] == 3


def test_patch_of_nothing_and_of_nobody(gate: Administered, service: dict[str, Any]) -> None:
    assert gate.ask("PATCH", f"/services/{service['name']}", value={}).status == 200
    reply = gate.ask("PATCH", "/services/nobody", {"port": "7"})
    assert (reply.status, reply.body) == (404, {"message": "Not found"})


def test_delete_is_the_same_twice(gate: Administered, service: dict[str, Any]) -> None:
    assert [gate.ask("DELETE", f"/services/{service['name']}").status for _ in range(2)] == [204, 204]
    assert gate.ask("GET", f"/services/{service['name']}").body == {"message": "Not found"}


def test_a_service_with_routes_stays(gate: Administered, service: dict[str, Any]) -> None:
    path = f"/services/{service['name']}"
    route = gate.post(f"{path}/routes", {"protocols": "tls", "snis": "x.test"})
    reply = gate.ask("DELETE", path)
    assert (reply.status, reply.body["code"]) == (400, 4)
    assert reply.body["message"] == "an existing 'routes' entity references this 'services' entity"
    assert reply.body["fields"] == {"@referenced_by": "routes"}
    assert gate.ask("DELETE", f"/routes/{route['id']}").status == 204


def test_plugins_go_with_their_service(gate: Administered, service: dict[str, Any]) -> None:
    plugin = gate.post(f"/services/{service['name']}/plugins", {"name": "ip-restriction", "config.deny": "10.0.0.1"})
    assert gate.ask("DELETE", f"/services/{service['name']}").status == 204
    assert gate.ask("GET", f"/plugins/{plugin['id']}").status == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_what_the_file_says_is_changed_there(gate: Administered, method: str) -> None:
    reply = gate.ask(method, "/services/written", {"host": "h.test"})
    assert reply.status == 409
    assert reply.body["fields"]["@written_at"].startswith(f"{gate.file}:")
    assert gate.get("/services/written")["port"] == 9
