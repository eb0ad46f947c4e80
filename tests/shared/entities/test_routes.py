"""Routes: Kong's rules, in its words."""

from __future__ import annotations

from typing import Any

import pytest
from catalogs import SERVICE, Desk

from penstock.shared.entities.changes import Parent

SETS = "these sets are mutually exclusive: ('tcp', 'tls', 'udp'), ('tls_passthrough')"
NO_NAMES = "'snis' can only be set when 'protocols' is 'grpcs', 'https', 'tls' or 'tls_passthrough'"
STREAM = "must set one of 'sources', 'destinations', 'snis' when 'protocols' is 'tcp', 'tls' or 'udp'"


def test_the_shape_of_a_route() -> None:
    desk = Desk()
    service = desk.post("services", SERVICE)["id"]
    made = desk.post("routes", {"protocols": ["tls"], "snis": ["tlsbin-example"]}, Parent("service", service))
    del made["id"]
    assert made == {
        "created_at": 1790000000,
        "updated_at": 1790000000,
        "name": None,
        "protocols": ("tls",),
        "methods": None,
        "hosts": None,
        "headers": None,
        "paths": None,
        "snis": ("tlsbin-example",),
        "sources": None,
        "destinations": None,
        "regex_priority": 0,
        "preserve_host": False,
        "strip_path": True,
        "path_handling": "v0",
        "https_redirect_status_code": 426,
        "request_buffering": True,
        "response_buffering": True,
        "tags": None,
        "service": {"id": service},
    }


def test_both_keys_of_an_endpoint_are_always_there() -> None:
    made = Desk().post("routes", {"protocols": ["tcp"], "destinations": [{"port": 5555}]})
    assert made["destinations"] == ({"ip": None, "port": 5555},)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"protocols": ["tcp"]}, {"@entity": [STREAM]}),
        ({"protocols": ["tls"], "snis": []}, {"@entity": [STREAM]}),
        (
            {"protocols": ["tls_passthrough"], "sources": [{"port": 1}]},
            {"@entity": ["must set snis when 'protocols' is 'tls_passthrough'"]},
        ),
        ({"protocols": ["tcp", "tls_passthrough"], "snis": ["a"]}, {"protocols": SETS}),
        ({"protocols": ["tcp"], "snis": ["a"]}, {"@entity": [NO_NAMES], "snis": "length must be 0"}),
        ({"protocols": ["tcp", "udp"], "snis": ["a"]}, {"@entity": [NO_NAMES], "snis": "length must be 0"}),
        (
            {"protocols": ["tls"], "snis": ["a"], "paths": ["/"]},
            {"paths": "cannot set 'paths' when 'protocols' is 'tcp', 'tls', 'tls_passthrough' or 'udp'"},
        ),
        (
            {},
            {"@entity": ["must set one of 'methods', 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'https'"]},
        ),
        (
            {"protocols": ["http"]},
            {"@entity": ["must set one of 'methods', 'hosts', 'headers', 'paths' when 'protocols' is 'http'"]},
        ),
        (
            {"protocols": ["http"], "paths": ["/"], "sources": [{"port": 1}]},
            {"sources": "cannot set 'sources' when 'protocols' is 'http' or 'https'"},
        ),
        (
            {"protocols": ["grpcs"]},
            {"@entity": ["must set one of 'hosts', 'headers', 'paths', 'snis' when 'protocols' is 'grpcs'"]},
        ),
        ({"protocols": []}, {"protocols": "length must be at least 1"}),
        (
            {"protocols": ["ftp"]},
            {"protocols": ["expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"]},
        ),
        ({"protocols": ["tls"], "snis": ["ok", "1.1.1.1"]}, {"snis": [None, "must not be an IP"]}),
        (
            {"protocols": ["tcp"], "sources": [{"ip": "x"}]},
            {"sources": [{"ip": "invalid ip or cidr range: 'x'"}]},
        ),
        (
            {"protocols": ["tcp"], "sources": [{"port": 65536}]},
            {"sources": [{"port": "value should be between 0 and 65535"}]},
        ),
        (
            {"protocols": ["tcp"], "sources": [{"port": 1}, {}]},
            {"sources": [None, {"@entity": ["at least one of these fields must be non-empty: 'ip', 'port'"]}]},
        ),
        ({"protocols": ["tls"], "snis": ["a"], "service": "x"}, {"service": "expected a record"}),
    ],
)
def test_what_a_route_cannot_be(body: dict[str, Any], fields: Any) -> None:
    assert Desk().wrong("routes", body) == fields


def test_texts_of_the_entity_come_first() -> None:
    message = Desk().refused("routes", {"protocols": ["tcp"], "snis": ["a"]})["message"]
    assert message == f"2 schema violations ({NO_NAMES}; snis: length must be 0)"


def test_routes_of_http_are_known() -> None:
    made = Desk().post("routes", {"paths": ["/a"], "methods": ["GET"], "hosts": ["*.a.test"], "headers": {"x": ["y"]}})
    assert made["protocols"] == ("http", "https")
