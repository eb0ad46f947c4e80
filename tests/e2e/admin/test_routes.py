"""Routes: what is sent, and what is answered."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from administered import Administered
from matching import UUID, fits

NUMBERS = count(1)
KEYS = {
    "id", "created_at", "updated_at", "name", "protocols", "methods", "hosts", "headers", "paths", "snis", "sources",
    "destinations", "regex_priority", "preserve_host", "strip_path", "path_handling", "https_redirect_status_code",
    "request_buffering", "response_buffering", "tags", "service",
}  # fmt: skip
STREAM = "'tcp', 'tls', 'tls_passthrough' or 'udp'"


@pytest.fixture(scope="module")
def service(gate: Administered) -> dict[str, Any]:
    """The service of them all."""
    made: dict[str, Any] = gate.post("/services", {"name": "base", "url": "tcp://127.0.0.1:9"})
    return made


def test_the_articles_route_has_all_its_keys(gate: Administered, service: dict[str, Any]) -> None:
    made = gate.post("/services/base/routes", {"protocols": "tls", "snis": "tlsbin-example"})
    assert made.keys() == KEYS
    wanted = {
        "id": UUID, "name": None, "protocols": ["tls"], "methods": None, "hosts": None, "headers": None, "paths": None,
        "snis": ["tlsbin-example"], "sources": None, "destinations": None, "regex_priority": 0, "preserve_host": False,
        "strip_path": True, "path_handling": "v0", "https_redirect_status_code": 426, "request_buffering": True,
        "response_buffering": True, "tags": None, "service": {"id": service["id"]},
    }  # fmt: skip
    assert fits(wanted, made)
    assert gate.get(f"/services/base/routes/{made['id']}") == made


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"protocols": "tcp", "destinations[1].port": "5555"}, {"destinations": [{"ip": None, "port": 5555}]}),
        ({"protocols[]": "tcp", "destinations[1][port]": "5555"}, {"destinations": [{"ip": None, "port": 5555}]}),
        ({"protocols[1]": "tcp", "sources[1].ip": "10.0.0.0/8"}, {"sources": [{"ip": "10.0.0.0/8", "port": None}]}),
        ({"protocols": "tcp", "sources[1].ip": "::1", "sources[1].port": "1", "sources[2].port": "2"},
         {"sources": [{"ip": "::1", "port": 1}, {"ip": None, "port": 2}]}),
        ([("protocols", "tls"), ("protocols", "tcp"), ("snis", "a.test"), ("snis", "b.test")],
         {"snis": ["a.test", "b.test"]}),
        ({"protocols": "tls", "snis": "*.a.test"}, {"snis": ["*.a.test"]}),
        ({"protocols": "tls", "snis": "a.*"}, {"snis": ["a.*"]}),
        ({"protocols": "tls_passthrough", "snis": "a.test"}, {"protocols": ["tls_passthrough"]}),
        ({"protocols": "udp", "destinations[1].port": "53"}, {"protocols": ["udp"]}),
        ({"hosts": "a.test"}, {"protocols": ["http", "https"], "hosts": ["a.test"]}),
        ({"protocols": "tls", "snis": "a.test", "service.name": "base"}, {"service": {"id": UUID}}),
        ({"protocols": "tls", "snis": "a.test"}, {"service": None}),
        ({"protocols": "tls", "snis": "a.test", "preserve_host": "true"}, {"preserve_host": True}),
        ({"protocols": "tls", "snis": "a.test", "tags[]": "x"}, {"tags": ["x"]}),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("service")
def test_forms(gate: Administered, form: Any, wanted: dict[str, Any]) -> None:
    reply = gate.ask("POST", "/routes", form)
    assert (reply.status, fits(wanted, reply.body)) == (201, True), reply
    assert gate.get(f"/routes/{reply.body['id']}") == reply.body


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"protocols": ["tls"]},
         "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'"),
        ({"protocols": ["tcp"]},
         "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'"),
        ({"protocols": ["tls_passthrough"]}, "must set snis when 'protocols' is 'tls_passthrough'"),
        ({"protocols": ["tcp"], "snis": ["a.test"]},
         "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'"),
        ({"protocols": ["tcp", "http"], "hosts": ["a.test"]},
         "these sets are mutually exclusive: ('http', 'https'), ('tcp', 'tls', 'udp')"),
        ({"protocols": ["tls", "tls_passthrough"], "snis": ["a.test"]},
         "these sets are mutually exclusive: ('tcp', 'tls', 'udp'), ('tls_passthrough')"),
        ({"protocols": ["tls"], "snis": ["a.test"], "paths": ["/"]},
         f"cannot set 'paths' when 'protocols' is {STREAM}"),
        ({"protocols": ["tls"], "snis": ["a.test"], "hosts": ["b"]},
         f"cannot set 'hosts' when 'protocols' is {STREAM}"),
        ({"protocols": ["tls"], "snis": ["a.test"], "methods": ["GET"]},
         f"cannot set 'methods' when 'protocols' is {STREAM}"),
        ({"protocols": ["tls"], "snis": ["10.0.0.1"]}, "snis.1: must not be an IP"),
        ({"protocols": ["tls"], "snis": ["a.test:443"]}, "snis.1: must not have a port"),
        ({"protocols": ["tls"], "snis": ["a.*.test"]}, "wildcard must be leftmost or rightmost character"),
        ({"protocols": ["tls"], "snis": ["*.a.*"]}, "only one wildcard must be specified"),
        ({"protocols": ["tls"], "snis": ["ok.test", ""]}, "snis.2: "),
        ({"protocols": ["tcp"], "sources": [{}]},
         "at least one of these fields must be non-empty: 'ip', 'port'"),
        ({"protocols": ["tcp"], "sources": [{"ip": "x"}]}, "invalid ip or cidr range: 'x'"),
        ({"protocols": ["tcp"], "sources": [{"ip": "10.0.0.0/33"}]}, "invalid ip or cidr range: '10.0.0.0/33'"),
        ({"protocols": ["tcp"], "sources": [{"port": 65536}]}, "value should be between 0 and 65535"),
        ({"protocols": ["tcp"], "destinations": [{"port": "1"}]}, "destinations.1.port: expected an integer"),
        ({"protocols": ["tcp"], "destinations": [{"nonsense": 1, "port": 1}]},
         "destinations.1.nonsense: unknown field"),
        ({"protocols": ["tcp"], "destinations": "x"}, "destinations: expected a set"),
        ({"protocols": ["tcp"], "destinations": ["x"]}, "destinations.1: expected a record"),
        ({"protocols": []}, "protocols: "),
        ({"protocols": ["ftp"]}, "protocols.1: expected one of: "),
        ({"protocols": "tls", "snis": ["a.test"]}, "protocols: expected a set"),
        ({}, "must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"),
        ({"protocols": ["tls"], "snis": ["a.test"], "name": "a/b"}, "name: "),
        ({"protocols": ["tls"], "snis": ["a.test"], "service": "base"}, "service: expected a record"),
        ({"protocols": ["tls"], "snis": ["a.test"], "service": {"id": "x"}}, "service.id: expected a valid UUID"),
    ],
)  # fmt: skip
def test_what_is_refused(gate: Administered, value: dict[str, Any], message: str) -> None:
    reply = gate.ask("POST", "/routes", value=value)
    assert (reply.status, reply.body["code"], message in reply.body["message"]) == (400, 2, True), reply
    assert "schema violation" in reply.body["message"]
    assert reply.body["fields"]


def test_a_service_that_is_not_there(gate: Administered) -> None:
    base = {"protocols": ["tls"], "snis": ["a.test"]}
    unknown = "11111111-1111-4111-8111-111111111111"
    by_id = gate.ask("POST", "/routes", value={**base, "service": {"id": unknown}})
    assert (by_id.status, by_id.body["code"], by_id.body["fields"]) == (400, 4, {"service": {"id": unknown}})
    by_name = gate.ask("POST", "/routes", value={**base, "service": {"name": "nobody"}})
    assert (by_name.status, by_name.body["code"]) == (400, 13)
    assert gate.ask("POST", "/services/nobody/routes", value=base).status == 404


@pytest.mark.usefixtures("service")
def test_nested_members_belong_to_their_parent(gate: Administered) -> None:
    other = gate.post("/services", {"name": f"other-{next(NUMBERS)}", "host": "h"})
    route = gate.post("/services/base/routes", {"protocols": "tls", "snis": "n.test", "name": f"n-{next(NUMBERS)}"})
    for key in (route["id"], route["name"]):
        assert gate.ask("GET", f"/services/base/routes/{key}").status == 200
        assert gate.ask("GET", f"/services/{other['id']}/routes/{key}").status == 404
        assert gate.ask("DELETE", f"/services/{other['id']}/routes/{key}").status == 404
    patched = gate.ask("PATCH", f"/services/base/routes/{route['name']}", {"snis": "m.test"})
    assert (patched.status, patched.body["snis"]) == (200, ["m.test"])
    assert gate.ask("DELETE", f"/services/base/routes/{route['name']}").status == 204
    assert gate.ask("DELETE", f"/services/base/routes/{route['name']}").status == 404


def test_from_a_route_to_its_service(gate: Administered, service: dict[str, Any]) -> None:
    route = gate.post("/services/base/routes", {"protocols": "tls", "snis": "u.test"})
    path = f"/routes/{route['id']}/service"
    assert gate.get(path) == gate.get("/services/base")
    assert gate.ask("PATCH", path, {"retries": "2"}).body["id"] == service["id"]
    assert gate.get("/services/base")["retries"] == 2
    assert gate.ask("DELETE", path).status == 405
    alone = gate.post("/routes", {"protocols": "tls", "snis": "u.test"})
    assert [gate.ask(m, f"/routes/{alone['id']}/service").status for m in ("GET", "DELETE")] == [404, 404]
    assert gate.ask("GET", "/routes/nobody/service").status == 404


@pytest.mark.usefixtures("service")
def test_put_patch_and_null(gate: Administered) -> None:
    name = f"r-{next(NUMBERS)}"
    made = gate.ask("PUT", f"/routes/{name}", {"protocols": "tls", "snis": "p.test", "service.name": "base"})
    assert (made.status, made.body["name"]) == (200, name)
    cleared = gate.ask("PATCH", f"/routes/{name}", value={"service": None})
    assert (cleared.status, cleared.body["service"]) == (200, None)
    arrays = gate.ask("PATCH", f"/routes/{name}", value={"snis": ["q.test"]})
    assert arrays.body["snis"] == ["q.test"]
    assert gate.ask("PATCH", f"/routes/{name}", value={"snis": None}).status == 400
    replaced = gate.ask("PUT", f"/routes/{name}", {"protocols": "tcp", "destinations[1].port": "1"})
    assert (replaced.status, replaced.body["snis"], replaced.body["id"]) == (200, None, made.body["id"])
