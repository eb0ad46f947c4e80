from __future__ import annotations

import pytest
from directives import checked, complaint_of_ours

from penstock.shared.conf.table.proxy import PROXY


@pytest.mark.parametrize("version", ["on", "off", "v1", "v2"])
def test_the_proxy_protocols_version_may_be_named(version: str) -> None:
    checked(f"stream {{ proxy_protocol {version}; }}")


def test_an_unknown_version_is_refused_as_nginx_refuses_it() -> None:
    expected = 'invalid value "v3" in "proxy_protocol" directive, it must be "on" or "off"'
    assert complaint_of_ours("stream { proxy_protocol v3; }") == expected


def test_rates_may_come_from_variables() -> None:
    checked("stream { proxy_upload_rate $rate; proxy_download_rate 10k; }")


def test_only_a_server_says_where_its_sessions_go() -> None:
    assert {spec.name for spec in PROXY if spec.contexts == {"server"}} == {"proxy_pass", "pass"}


def test_services_and_routes_may_set_what_is_obeyed_after_routing() -> None:
    checked("stream { service s { proxy_timeout 1h; proxy_half_close on; } route r { proxy_bind 127.0.0.1; } }")
