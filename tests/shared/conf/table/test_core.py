from __future__ import annotations

import pytest
from directives import checked, complaint_of_ours

from penstock.shared.conf.table.core import ACCESS, CORE, SESSION


@pytest.mark.parametrize("rule", ["all", "unix:", "10.0.0.0/8", "2001:db8::/32", "127.0.0.1"])
def test_access_rules_may_stand_wherever_a_session_is_described(rule: str) -> None:
    for around in ("{}", "server {{ {} }}", "service s {{ {} }}", "route r {{ {} }}"):
        checked("stream { " + around.format(f"allow {rule}; deny {rule};") + " }")


def test_a_rule_with_a_name_is_refused() -> None:
    assert complaint_of_ours("stream { allow localhost; }") == 'invalid parameter "localhost"'


def test_what_is_obeyed_before_the_route_is_not_set_by_the_route() -> None:
    early = {"preread_timeout", "preread_buffer_size", "proxy_protocol_timeout", "ssl_preread", "set_real_ip_from"}
    for spec in (*CORE, *ACCESS):
        if spec.name in early:
            assert spec.contexts == {"stream", "server"}
    assert set(SESSION.split()) >= {"service", "route"}


def test_a_server_listens_on_as_many_addresses_as_it_likes() -> None:
    checked("stream { server { listen 80; listen [::]:80 ipv6only=on; listen unix:/x; listen 80-90 reuseport; } }")
