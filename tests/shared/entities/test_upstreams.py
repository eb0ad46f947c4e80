"""Upstreams and targets."""

from __future__ import annotations

from typing import Any

import pytest
from catalogs import Desk

from penstock.shared.entities.changes import Parent
from penstock.shared.entities.schema import thawed
from penstock.shared.entities.violation import Violation

CONDITION = "failed conditional validation given value of field 'hash_on'"


def made(**fields: Any) -> dict[str, Any]:
    return Desk().post("upstreams", {"name": "u", **fields})


def test_the_shape_of_an_upstream() -> None:
    failures = {"tcp_failures": 0, "timeouts": 0, "http_failures": 0}
    good = [*range(200, 209), 226, *range(300, 309)]
    found = thawed(made())
    assert found["healthchecks"] == {
        "threshold": 0,
        "active": {
            "type": "http",
            "timeout": 1,
            "concurrency": 10,
            "http_path": "/",
            "https_sni": None,
            "https_verify_certificate": True,
            "headers": None,
            "healthy": {"interval": 0, "http_statuses": [200, 302], "successes": 0},
            "unhealthy": {"interval": 0, "http_statuses": [429, 404, 500, 501, 502, 503, 504, 505], **failures},
        },
        "passive": {
            "type": "http",
            "healthy": {"http_statuses": good, "successes": 0},
            "unhealthy": {"http_statuses": [429, 500, 503], **failures},
        },
    }
    assert (found["slots"], found["hash_on_cookie_path"], found["use_srv_name"]) == (10000, "/", False)


@pytest.mark.parametrize(
    ("body", "algorithm", "hash_on"),
    [
        ({}, "round-robin", "none"),
        ({"algorithm": "least-connections", "hash_on": "ip"}, "least-connections", "none"),
        ({"algorithm": "latency"}, "latency", "none"),
        ({"hash_on": "ip"}, "consistent-hashing", "ip"),
        ({"hash_on": "sni", "hash_fallback": "ip"}, "consistent-hashing", "sni"),
        ({"hash_on": "$ssl_client_fingerprint"}, "consistent-hashing", "$ssl_client_fingerprint"),
        ({"algorithm": "round-robin", "hash_on": "ip"}, "consistent-hashing", "ip"),
        ({"algorithm": "consistent-hashing", "hash_on": "none"}, "round-robin", "none"),
        ({"algorithm": "consistent-hashing"}, "consistent-hashing", "none"),
    ],
)
def test_algorithm_and_hash_go_together(body: dict[str, Any], algorithm: str, hash_on: str) -> None:
    found = made(**body)
    assert (found["algorithm"], found["hash_on"]) == (algorithm, hash_on)


def test_a_change_of_something_else_leaves_the_algorithm() -> None:
    desk = Desk()
    desk.post("upstreams", {"name": "u", "algorithm": "consistent-hashing"})
    assert desk.patch("upstreams", "u", {"slots": 100})["algorithm"] == "consistent-hashing"
    assert desk.patch("upstreams", "u", {"algorithm": "least-connections"})["hash_on"] == "none"
    assert desk.patch("upstreams", "u", {"hash_on": "ip"})["algorithm"] == "consistent-hashing"


def test_a_change_merges_records_at_every_depth_and_replaces_lists() -> None:
    desk = Desk()
    desk.post("upstreams", {"name": "u", "healthchecks": {"active": {"type": "tcp", "timeout": 5}}})
    changed = {"active": {"healthy": {"interval": 2, "http_statuses": [204]}}}
    active = desk.patch("upstreams", "u", {"healthchecks": changed})["healthchecks"]["active"]
    assert (active["type"], active["timeout"]) == ("tcp", 5)
    assert active["healthy"] == {"interval": 2, "http_statuses": (204,), "successes": 0}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name": "required field missing"}),
        ({"name": "a b"}, {"name": "Invalid name; must be a valid hostname"}),
        ({"name": "1.2.3.4"}, {"name": "Invalid name; no IP addresses allowed"}),
        ({"name": "a:80"}, {"name": "Invalid name; no port allowed"}),
        ({"name": "u", "slots": 9}, {"slots": "value should be between 10 and 65536"}),
        (
            {"name": "u", "algorithm": "x"},
            {"algorithm": "expected one of: consistent-hashing, least-connections, round-robin, latency"},
        ),
        (
            {"name": "u", "hash_on": "x"},
            {
                "hash_on": "expected one of: none, consumer, ip, header, cookie, path, query_arg, uri_capture, sni, "
                "$variable"
            },
        ),
        ({"name": "u", "hash_on": "ip", "hash_fallback": "$x"}, {"hash_fallback": "unknown variable $x"}),
        (
            {"name": "u", "hash_on": "header"},
            {"@entity": [CONDITION], "hash_on_header": "required field missing"},
        ),
        (
            {"name": "u", "hash_fallback": "ip"},
            {"@entity": [CONDITION], "hash_fallback": "expected one of: none"},
        ),
        (
            {"name": "u", "healthchecks": {"active": {"timeout": -1}}},
            {"healthchecks": {"active": {"timeout": "value should be between 0 and 65535"}}},
        ),
        (
            {"name": "u", "healthchecks": {"passive": {"unhealthy": {"tcp_failures": 256}}}},
            {"healthchecks": {"passive": {"unhealthy": {"tcp_failures": "value should be between 0 and 255"}}}},
        ),
        ({"name": "u", "healthchecks": {"x": 1}}, {"healthchecks": {"x": "unknown field"}}),
    ],
)
def test_what_an_upstream_cannot_be(body: dict[str, Any], fields: Any) -> None:
    assert Desk().wrong("upstreams", body) == fields


@pytest.fixture
def desk() -> tuple[Desk, Parent]:
    found = Desk()
    return found, Parent("upstream", found.post("upstreams", {"name": "u"})["id"])


def test_the_shape_of_a_target(desk: tuple[Desk, Parent]) -> None:
    made = desk[0].post("targets", {"target": "10.0.0.1"}, desk[1])
    del made["id"]
    assert made == {
        "created_at": 1790000000.123,
        "updated_at": 1790000000.123,
        "target": "10.0.0.1:8000",
        "weight": 100,
        "tags": None,
        "upstream": {"id": desk[1].id},
    }


def test_a_target_is_unique_in_its_upstream(desk: tuple[Desk, Parent]) -> None:
    desk[0].post("targets", {"target": "10.0.0.1"}, desk[1])
    body = desk[0].refused("targets", {"target": "10.0.0.1:8000"}, desk[1])
    key = f'{{target="10.0.0.1:8000",upstream={{id="{desk[1].id}"}}}}'
    assert body["message"] == f"UNIQUE violation detected on '{key}'"
    other = Parent("upstream", desk[0].post("upstreams", {"name": "v"})["id"])
    assert desk[0].post("targets", {"target": "10.0.0.1"}, other)["target"] == "10.0.0.1:8000"


def test_a_target_is_found_by_its_address(desk: tuple[Desk, Parent]) -> None:
    made = desk[0].post("targets", {"target": "A.test:1"}, desk[1])
    for key in ("a.test:1", "A.TEST:1", made["id"]):
        assert desk[0].catalog.find("targets", key, desk[1])["id"] == made["id"]
    assert desk[0].catalog.get("targets", "a.test:1") is None


def test_a_put_changes_a_target_and_makes_none(desk: tuple[Desk, Parent]) -> None:
    desk[0].post("targets", {"target": "a.test:1", "tags": ["x"]}, desk[1])
    assert desk[0].put("targets", "a.test:1", {"weight": 5}, desk[1])["tags"] == ("x",)
    with pytest.raises(Violation, match="could not find"):
        desk[0].put("targets", "b.test:1", {"weight": 5}, desk[1])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"target": "a b"}, "schema violation (target: Invalid target ('a b'); not a valid hostname or ip address)"),
        ({"target": "a", "weight": 65536}, "schema violation (weight: value should be between 0 and 65535)"),
        ({}, "schema violation (target: required field missing)"),
    ],
)
def test_what_a_target_cannot_be(desk: tuple[Desk, Parent], body: dict[str, Any], text: str) -> None:
    assert desk[0].refused("targets", body, desk[1])["message"] == text


def test_targets_go_with_their_upstream(desk: tuple[Desk, Parent]) -> None:
    desk[0].post("targets", {"target": "a.test:1"}, desk[1])
    desk[0].delete("upstreams", "u")
    assert list(desk[0].catalog.every("targets")) == []
