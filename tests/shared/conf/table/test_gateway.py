from __future__ import annotations

import pytest
from directives import checked, complaint_of_ours

from penstock.shared.conf.table.gateway import OPERATIONS


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("protocol", "udp"),
        ("port", "70000"),
        ("retries", "32768"),
        ("connect_timeout", "0"),
        ("read_timeout", "2147483647"),
        ("tls_verify", "true"),
        ("tls_verify_depth", "65"),
        ("enabled", "yes"),
    ],
)
def test_a_services_fields_have_kongs_limits(field: str, wrong: str) -> None:
    assert "invalid" in (complaint_of_ours(f"stream {{ service s {{ {field} {wrong}; }} }}") or "")


@pytest.mark.parametrize("protocol", ["http", "udp", "TCP-TLS"])
def test_a_route_is_for_streams_only(protocol: str) -> None:
    assert complaint_of_ours(f"stream {{ route r {{ protocols tcp {protocol}; }} }}") == f'invalid value "{protocol}"'


def test_entities_have_names_and_certificates_have_none() -> None:
    assert complaint_of_ours("stream { service { } }") == 'invalid number of arguments in "service" directive'
    assert complaint_of_ours("stream { route a b { } }") == 'invalid number of arguments in "route" directive'
    assert complaint_of_ours("stream { certificate x { } }") == 'invalid number of arguments in "certificate" directive'


def test_service_is_a_block_in_stream_and_a_word_in_a_route() -> None:
    checked("stream { service s { } route r { service s; } }")
    assert complaint_of_ours("stream { route r { service s { } } }") == 'directive "service" is not terminated by ";"'


def test_what_operates_penstock_stands_in_the_main_context() -> None:
    assert all(spec.contexts == {"main"} for spec in OPERATIONS)
    checked("metrics_listen 127.0.0.1:9145; metrics_listen unix:/m;")
