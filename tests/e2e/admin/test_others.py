"""Upstreams, targets, certificates, SNIs, authorities and plugins: what is sent, and what is answered."""

from __future__ import annotations

import hashlib
import re
import ssl
from itertools import count
from typing import Any

import pytest
from administered import Administered
from certs import Authority, Pair
from matching import UUID, fits

NUMBERS = count(1)
SHORT = re.compile(r"ip-restriction|file-log")


def fresh(kind: str) -> str:
    return f"{kind}-{next(NUMBERS)}"


# Upstreams.


def test_an_upstream_has_all_its_keys(gate: Administered) -> None:
    name = fresh("up")
    made = gate.post("/upstreams", {"name": name})
    wanted = {
        "id": UUID, "name": name, "algorithm": "round-robin", "slots": 10000, "hash_on": "none",
        "hash_fallback": "none",
        "hash_on_header": None, "hash_fallback_header": None, "hash_on_cookie": None, "hash_on_cookie_path": "/",
        "hash_on_query_arg": None, "hash_fallback_query_arg": None, "hash_on_uri_capture": None,
        "hash_fallback_uri_capture": None, "host_header": None, "client_certificate": None, "use_srv_name": False,
        "tags": None,
    }  # fmt: skip
    assert fits(wanted, made)
    checks = made["healthchecks"]
    assert (checks["threshold"], checks["active"]["type"], checks["passive"]["type"]) == (0, "http", "http")
    assert checks["active"]["unhealthy"]["http_statuses"] == [429, 404, 500, 501, 502, 503, 504, 505]
    assert checks["passive"]["unhealthy"] == {
        "http_statuses": [429, 500, 503], "tcp_failures": 0, "timeouts": 0, "http_failures": 0,
    }  # fmt: skip
    assert checks["active"]["healthy"] == {"interval": 0, "http_statuses": [200, 302], "successes": 0}


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"algorithm": "least-connections"}, {"algorithm": "least-connections"}),
        ({"algorithm": "latency"}, {"algorithm": "latency"}),
        ({"algorithm": "consistent-hashing", "hash_on": "ip"}, {"hash_on": "ip"}),
        ({"slots": "10"}, {"slots": 10}),
        ({"healthchecks.threshold": "50.5"}, {"healthchecks": {"threshold": 50.5}}),
        ({"healthchecks.active.type": "tcp", "healthchecks.active.healthy.interval": "1"},
         {"healthchecks": {"active": {"type": "tcp", "healthy": {"interval": 1, "http_statuses": [200, 302]}}}}),
        ({"healthchecks[passive][unhealthy][tcp_failures]": "2"},
         {"healthchecks": {"passive": {"unhealthy": {"tcp_failures": 2}}}}),
        ({"host_header": "a.test"}, {"host_header": "a.test"}),
        ({"tags": "x"}, {"tags": ["x"]}),
    ],
)  # fmt: skip
def test_upstreams_by_forms(gate: Administered, form: dict[str, str], wanted: dict[str, Any]) -> None:
    reply = gate.ask("POST", "/upstreams", {**form, "name": fresh("up")})
    assert (reply.status, fits(wanted, reply.body)) == (201, True), reply
    assert gate.get(f"/upstreams/{reply.body['name']}") == reply.body


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "schema violation (name: required field missing)"),
        ({"name": "10.0.0.1"}, "schema violation (name: Invalid name; no IP addresses allowed)"),
        ({"name": "a b"}, "name: "),
        ({"name": "u", "slots": 9}, "schema violation (slots: value should be between 10 and 65536)"),
        ({"name": "u", "algorithm": "random"}, "algorithm: expected one of: "),
        ({"name": "u", "healthchecks": {"threshold": 101}},
         "schema violation (healthchecks.threshold: value should be between 0 and 100)"),
        ({"name": "u", "healthchecks": {"active": {"timeout": "x"}}}, "healthchecks.active.timeout: expected a number"),
        ({"name": "u", "healthchecks": {"x": 1}}, "healthchecks.x: unknown field"),
        ({"name": "u", "hash_on": "header"}, "hash_on_header: "),
        ({"name": "u", "healthchecks": 3}, "healthchecks: expected a record"),
    ],
)  # fmt: skip
def test_upstreams_that_are_refused(gate: Administered, value: dict[str, Any], message: str) -> None:
    reply = gate.ask("POST", "/upstreams", value=value)
    assert (reply.status, reply.body["code"], message in reply.body["message"]) == (400, 2, True), reply


# Targets.


@pytest.fixture(scope="module")
def pool(gate: Administered) -> dict[str, Any]:
    """An upstream for targets."""
    made: dict[str, Any] = gate.post("/upstreams", {"name": "pool"})
    return made


def test_a_target_has_all_its_keys(gate: Administered, pool: dict[str, Any]) -> None:
    made = gate.post("/upstreams/pool/targets", {"target": "10.0.0.1:8000"})
    wanted = {"id": UUID, "target": "10.0.0.1:8000", "weight": 100, "tags": None, "upstream": {"id": pool["id"]}}
    assert fits(wanted, made)
    assert made.keys() == {*wanted, "created_at", "updated_at"}
    assert type(made["created_at"]) is float
    assert (
        gate.get("/upstreams/pool/targets/10.0.0.1:8000") == gate.get(f"/upstreams/pool/targets/{made['id']}") == made
    )


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"target": "10.0.1.1"}, {"target": "10.0.1.1:8000"}),
        ({"target": "a.test"}, {"target": "a.test:8000"}),
        ({"target": "A.test:1", "weight": "0"}, {"weight": 0}),
        ({"target": "[::1]:80", "weight": "65535"}, {"weight": 65535}),
        ({"target": "10.0.1.2:80", "tags": "t"}, {"tags": ["t"]}),
    ],
)
@pytest.mark.usefixtures("pool")
def test_targets_by_forms(gate: Administered, form: dict[str, str], wanted: dict[str, Any]) -> None:
    reply = gate.ask("POST", "/upstreams/pool/targets", form)
    assert (reply.status, fits(wanted, reply.body)) == (201, True), reply


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "target: required field missing"),
        ({"target": "a b"}, "target: "),
        ({"target": "10.0.0.9:70000"}, "target: "),
        ({"target": "10.0.0.9:1", "weight": 65536}, "weight: value should be between 0 and 65535"),
        ({"target": "10.0.0.9:1", "weight": "5"}, "weight: expected an integer"),
    ],
)
@pytest.mark.usefixtures("pool")
def test_targets_that_are_refused(gate: Administered, value: dict[str, Any], message: str) -> None:
    reply = gate.ask("POST", "/upstreams/pool/targets", value=value)
    assert (reply.status, message in reply.body["message"]) == (400, True), reply


def test_a_target_is_one_of_its_upstream(gate: Administered) -> None:
    name = fresh("up")
    gate.post("/upstreams", {"name": name})
    path = f"/upstreams/{name}/targets"
    gate.post(path, {"target": "10.0.0.1:1"})
    assert gate.ask("POST", path, {"target": "10.0.0.1:1"}).status == 409
    assert gate.ask("PATCH", f"{path}/10.0.0.1:1", {"weight": "7"}).body["weight"] == 7
    assert gate.ask("PUT", f"{path}/10.0.0.1:1", {"weight": "8"}).body["weight"] == 8
    assert gate.ask("PUT", f"{path}/10.0.0.2:1", {"weight": "8"}).status == 404
    assert [target["weight"] for target in gate.get(f"{path}/all")["data"]] == [8]
    assert gate.ask("DELETE", f"{path}/10.0.0.1:1").status == 204
    assert gate.ask("DELETE", f"{path}/10.0.0.1:1").status == 404
    assert gate.get(path)["data"] == []
    gate.post(path, {"target": "10.0.0.1:1"})
    assert gate.ask("DELETE", f"/upstreams/{name}").status == 204
    assert gate.ask("GET", path).status == 404


@pytest.mark.parametrize("path", ["/targets", "/targets/x", "/targets/x/upstream", "/snis/x/certificate"])
def test_paths_that_kong_has_not(gate: Administered, path: str) -> None:
    reply = gate.ask("GET", path)
    assert (reply.status, reply.body) == (404, {"message": "Not found"})


def test_the_health_of_an_upstream(gate: Administered) -> None:
    name = fresh("up")
    made = gate.post("/upstreams", {"name": name})
    for target, weight in (("10.0.0.1:1", "5"), ("10.0.0.2:1", "0")):
        gate.post(f"/upstreams/{name}/targets", {"target": target, "weight": weight})
    found = gate.get(f"/upstreams/{name}/health")
    assert (found["next"], found["node_id"]) == (None, gate.get("/")["node_id"])
    assert [(each["target"], each["health"]) for each in found["data"]] == [
        ("10.0.0.2:1", "HEALTHCHECKS_OFF"), ("10.0.0.1:1", "HEALTHCHECKS_OFF"),
    ]  # fmt: skip
    wanted = {"host": "10.0.0.1", "port": 1, "nodeWeight": 5, "weight": {"total": 5, "unavailable": 0, "available": 5}}
    assert fits({**wanted, "addresses": [{"ip": "10.0.0.1", "port": 1}]}, found["data"][1]["data"])
    whole = gate.get(f"/upstreams/{name}/health?balancer_health=1")["data"]
    assert (whole["id"], whole["balancer_health"]) == (made["id"], "HEALTHCHECKS_OFF")
    assert gate.ask("GET", "/upstreams/nobody/health").status == 404


def test_health_set_by_hand(gate: Administered) -> None:
    name = fresh("up")
    form = {"name": name, "healthchecks.passive.unhealthy.tcp_failures": "1", "healthchecks.passive.type": "tcp"}
    gate.post("/upstreams", form)
    gate.post(f"/upstreams/{name}/targets", {"target": "10.0.0.1:1"})
    path = f"/upstreams/{name}/targets/10.0.0.1:1"
    assert [gate.ask("PUT", f"{path}/{word}").status for word in ("unhealthy", "healthy")] == [204, 204]
    assert gate.ask("PUT", f"/upstreams/{name}/targets/10.0.0.9:1/healthy").status == 404
    assert gate.ask("GET", f"{path}/healthy").status == 405


# Certificates.


def pem(issued: Pair) -> dict[str, str]:
    return {"cert": issued.crt.read_text(), "key": issued.key.read_text()}


def test_a_certificate_with_its_names(gate: Administered, authority: Authority) -> None:
    names = [f"{fresh('b')}.test", f"{fresh('a')}.test"]
    made = gate.post("/certificates", value={**pem(authority.issue(names[0])), "snis": names})
    assert made["snis"] == sorted(names)
    assert made.keys() == {"id", "created_at", "updated_at", "cert", "key", "cert_alt", "key_alt", "tags", "snis"}
    assert made["key"].startswith("-----BEGIN")
    for key in (made["id"], *names):
        assert gate.get(f"/certificates/{key}") == made
    sni = gate.get(f"/snis/{names[0]}")
    assert fits({"id": UUID, "name": names[0], "tags": None, "certificate": {"id": made["id"]}}, sni)
    assert [each["name"] for each in gate.get(f"/certificates/{made['id']}/snis")["data"]] != []
    kept = gate.ask("PATCH", f"/certificates/{made['id']}", value={"tags": ["t"]})
    assert kept.body["snis"] == sorted(names)
    cleared = gate.ask("PUT", f"/certificates/{made['id']}", value=pem(authority.issue("c.test")))
    assert (cleared.status, cleared.body["snis"]) == (200, [])
    assert gate.ask("GET", f"/snis/{names[0]}").status == 404
    assert gate.ask("DELETE", f"/certificates/{made['id']}").status == 204


def test_names_of_certificates_are_taken_once(gate: Administered, authority: Authority) -> None:
    name, pair = f"{fresh('n')}.test", pem(authority.issue("n.test"))
    twice = gate.ask("POST", "/certificates", value={**pair, "snis": [name, name]})
    assert (twice.status, twice.body["message"]) == (400, f"schema violation (snis: {name} is duplicated)")
    made = gate.post("/certificates", value={**pair, "snis": [name]})
    taken = gate.ask("POST", "/certificates", value={**pair, "snis": [name]})
    text = f"schema violation (snis: {name} already associated with existing certificate '{made['id']}')"
    assert (taken.status, taken.body["message"]) == (400, text)
    assert gate.ask("POST", "/snis", value={"name": name, "certificate": {"id": made["id"]}}).status == 409
    other = gate.ask("PUT", f"/certificates/{fresh('new')}.test", value=pair)
    assert (other.status, len(other.body["snis"])) == (200, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cert": None}, "cert: required field missing"),
        ({"key": None}, "key: required field missing"),
        ({"cert": "nonsense"}, "cert: invalid certificate: "),
        ({"key": "nonsense"}, "key: invalid key: "),
        ({"key": "other"}, "certificate does not match key"),
        ({"snis": ["10.0.0.1"]}, "snis.1: must not be an IP"),
        ({"cert_alt": "same"}, "key_alt"),
        ({"nonsense": 1}, "nonsense: unknown field"),
    ],
)
def test_certificates_that_are_refused(
    gate: Administered, authority: Authority, change: dict[str, Any], message: str
) -> None:
    pair, other = pem(authority.issue("x.test")), pem(authority.issue("y.test"))
    for field, word in (("key", "other"), ("cert_alt", "same")):
        if change.get(field) == word:
            change = {field: other["key"] if word == "other" else pair["cert"]}
    value = {name: each for name, each in {**pair, **change}.items() if each is not None}
    reply = gate.ask("POST", "/certificates", value=value)
    assert (reply.status, message in reply.body["message"]) == (400, True), reply
    assert "PRIVATE" not in reply.content.decode()


def test_a_certificate_in_use_stays(gate: Administered, authority: Authority) -> None:
    made = gate.post("/certificates", value=pem(authority.issue("client.test")))
    form = {"name": fresh("s"), "protocol": "tls", "host": "h", "client_certificate.id": made["id"]}
    service = gate.post("/services", form)
    assert [each["id"] for each in gate.get(f"/certificates/{made['id']}/services")["data"]] == [service["id"]]
    reply = gate.ask("DELETE", f"/certificates/{made['id']}")
    assert (reply.status, reply.body["code"], reply.body["fields"]) == (400, 4, {"@referenced_by": "services"})
    gate.ask("DELETE", f"/services/{service['id']}")
    assert gate.ask("DELETE", f"/certificates/{made['id']}").status == 204


def test_authorities(gate: Administered, authority: Authority) -> None:
    text = authority.file.read_text()
    made = gate.post("/ca_certificates", value={"cert": text})
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
    assert (made["cert_digest"], made.keys()) == (
        digest, {"id", "created_at", "updated_at", "cert", "cert_digest", "tags"},
    )  # fmt: skip
    assert gate.ask("POST", "/ca_certificates", value={"cert": text}).status == 409
    assert gate.ask("POST", "/ca_certificates", value=pem(authority.issue("z.test")) | {"key": None}).status == 400
    value = {"name": fresh("s"), "protocol": "tls", "host": "h", "ca_certificates": [made["id"]], "tls_verify": True}
    service = gate.post("/services", value=value)
    used = gate.ask("DELETE", f"/ca_certificates/{made['id']}")
    assert (used.status, used.body["code"], used.body["name"]) == (400, 19, "referenced by others")
    gate.ask("DELETE", f"/services/{service['id']}")
    assert gate.ask("DELETE", f"/ca_certificates/{made['id']}").status == 204


# Plugins.


def test_a_plugin_has_all_its_keys(gate: Administered) -> None:
    service = gate.post("/services", {"name": fresh("s"), "host": "h", "protocol": "tcp"})
    made = gate.post(f"/services/{service['id']}/plugins", {"name": "ip-restriction", "config.allow": "10.0.0.0/8"})
    wanted = {
        "id": UUID, "name": "ip-restriction", "instance_name": None, "enabled": True, "tags": None, "route": None,
        "protocols": ["grpc", "grpcs", "http", "https", "tcp", "tls"], "service": {"id": service["id"]},
        "consumer": None, "config": {"allow": ["10.0.0.0/8"], "deny": None, "status": None, "message": None},
    }  # fmt: skip
    assert fits(wanted, made)
    assert gate.get(f"/plugins/{made['id']}/service") == service
    assert gate.ask("GET", f"/plugins/{made['id']}/route").status == 404
    assert (
        gate.ask("POST", f"/services/{service['id']}/plugins", {"name": "ip-restriction", "config.allow": "::1"}).status
        == 409
    )
    named = gate.ask("PATCH", f"/plugins/{made['id']}", {"instance_name": fresh("i"), "config.deny[]": "10.1.0.0/16"})
    assert named.body["config"] == {"allow": ["10.0.0.0/8"], "deny": ["10.1.0.0/16"], "status": None, "message": None}
    assert gate.get(f"/plugins/{named.body['instance_name']}") == named.body


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "name: required field missing"),
        ({"name": "nonsense"}, "plugin 'nonsense' not enabled; add it to the 'plugins' configuration property"),
        ({"name": "ip-restriction", "config": {"allow": ["x"]}}, "config.allow"),
        ({"name": "ip-restriction", "config": {"allow": "10.0.0.1"}}, "config.allow: "),
        ({"name": "ip-restriction", "config": {"nonsense": 1}}, "config.nonsense: unknown field"),
        ({"name": "ip-restriction"}, "at least one of these fields must be non-empty: "),
        ({"name": "ip-restriction", "config": 3}, "config: expected a record"),
        ({"name": "ip-restriction", "protocols": ["x"], "config": {"deny": ["::1"]}}, "protocols.1: expected one of: "),
    ],
)  # fmt: skip
def test_plugins_that_are_refused(gate: Administered, value: dict[str, Any], message: str) -> None:
    reply = gate.ask("POST", "/plugins", value=value)
    assert (reply.status, message in reply.body["message"]) == (400, True), reply


def test_what_plugins_there_are(gate: Administered) -> None:
    names = gate.get("/plugins/enabled")["enabled_plugins"]
    assert {"ip-restriction", "file-log"} <= set(names)
    available = gate.get("/")["plugins"]["available_on_server"]
    assert available["ip-restriction"].keys() == {"version", "priority"}
    shown = gate.get("/schemas/plugins/ip-restriction")
    assert shown == gate.get("/plugins/schema/ip-restriction")
    assert [next(iter(field)) for field in shown["fields"]] == ["consumer", "protocols", "config"]
    assert gate.ask("GET", "/schemas/plugins/nonsense").status == 404
    good = {"name": "ip-restriction", "config": {"deny": ["10.0.0.1"]}}
    assert gate.ask("POST", "/schemas/plugins/validate", value=good).body == {"message": "schema validation successful"}
    assert gate.ask("POST", "/schemas/plugins/validate", value={"name": "ip-restriction", "x": 1}).status == 400
