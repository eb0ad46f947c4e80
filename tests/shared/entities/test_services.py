"""Services."""

from __future__ import annotations

from typing import Any

import pytest
from catalogs import Desk

from penstock.shared.entities.services import from_url

CONDITION = "failed conditional validation given value of field 'protocol'"


def test_the_shape_of_a_service() -> None:
    made = Desk().post("services", {"name": "tcpbin-echo", "url": "tcp://52.20.16.20:30000"})
    del made["id"]
    assert made == {
        "created_at": 1790000000,
        "updated_at": 1790000000,
        "name": "tcpbin-echo",
        "protocol": "tcp",
        "host": "52.20.16.20",
        "port": 30000,
        "path": None,
        "retries": 5,
        "connect_timeout": 60000,
        "write_timeout": 60000,
        "read_timeout": 60000,
        "enabled": True,
        "tags": None,
        "client_certificate": None,
        "tls_verify": None,
        "tls_verify_depth": None,
        "ca_certificates": None,
    }


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("tcp://a.test:5", {"protocol": "tcp", "host": "a.test", "port": 5}),
        ("tls://a.test", {"protocol": "tls", "host": "a.test"}),
        ("http://a.test/x?y#z", {"protocol": "http", "host": "a.test", "port": 80, "path": "/x"}),
        ("https://user:p@a.test", {"protocol": "https", "host": "a.test", "port": 443}),
        ("tcp://[::1]:5", {"protocol": "tcp", "host": "::1", "port": 5}),
        ("tcp://a.test:5/", {"protocol": "tcp", "host": "a.test", "port": 5, "path": "/"}),
        ("tcp://a.test:x", {"protocol": "tcp", "host": "a.test"}),
        ("fieldonly", {"path": "fieldonly"}),
        ("tcp://a.test:5#fragment", {"protocol": "tcp", "host": "a.test", "port": 5}),
        ("", {}),
    ],
)
def test_a_url_is_taken_apart(url: str, parts: dict[str, Any]) -> None:
    assert from_url(url, {}) == parts


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"host": "required field missing"}),
        ({"url": "x"}, {"host": "required field missing", "path": "should start with: /"}),
        ({"url": 5}, {"host": "required field missing", "url": "expected a string"}),
        ({"host": "x", "port": "80"}, {"port": "expected an integer"}),
        ({"host": "x", "retries": 32768}, {"retries": "value should be between 0 and 32767"}),
        ({"host": "x", "read_timeout": 0}, {"read_timeout": "value should be between 1 and 2147483646"}),
        ({"host": "x", "foo": 1}, {"foo": "unknown field"}),
        (
            {"host": "x", "protocol": "ftp"},
            {"protocol": "expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp"},
        ),
        ({"url": "tcp://x:1/"}, {"@entity": [CONDITION], "path": "value must be null"}),
        ({"url": "tcp://x:1", "tls_verify": True}, {"@entity": [CONDITION], "tls_verify": "value must be null"}),
        ({"host": "x:80"}, {"host": "must not have a port"}),
        ({"host": "x", "name": "a b"}, None),
        ({"host": "x", "enabled": None}, {"enabled": "required field missing"}),
        (
            {"host": "x", "ca_certificates": ["a"]},
            {
                "ca_certificates": ["expected a valid UUID"],
            },
        ),
    ],
)
def test_what_a_service_cannot_be(body: dict[str, Any], fields: Any) -> None:
    wrong = Desk().wrong("services", body)
    assert wrong == fields if fields is not None else "name" in wrong


def test_a_urls_parts_win_and_the_rest_is_taken_from_the_fields() -> None:
    made = Desk().post("services", {"url": "tls://a.test", "host": "b.test", "port": 7, "tls_verify": True})
    assert (made["protocol"], made["host"], made["port"], made["tls_verify"]) == ("tls", "a.test", 7, True)


def test_a_null_stands_for_the_default_where_the_field_may_be_absent() -> None:
    assert Desk().post("services", {"host": "x", "retries": None})["retries"] == 5
