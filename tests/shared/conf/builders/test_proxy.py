"""`proxy_*` without TLS."""

from __future__ import annotations

import pytest
from builds import server_mistake, settings

from penstock.shared.model.settings import Proxy
from penstock.shared.template import constant


def proxy(text: str, before: str = "") -> Proxy:
    return settings(text, before).proxy


def test_nothing_written_gives_nginx_s_defaults() -> None:
    assert proxy("") == Proxy()
    assert (Proxy().connect_timeout, Proxy().timeout, Proxy().buffer_size) == (60.0, 600.0, 16384)


def test_times_sizes_and_switches() -> None:
    found = proxy(
        "proxy_connect_timeout 500ms; proxy_timeout 1h; proxy_buffer_size 4k; proxy_next_upstream off; "
        "proxy_next_upstream_timeout 3s; proxy_next_upstream_tries 2; proxy_half_close on; "
        "proxy_socket_keepalive on; proxy_socket_rcvbuf 8k; proxy_socket_sndbuf 9k; proxy_requests 1; "
        "proxy_responses 0;"
    )
    assert found == Proxy(
        connect_timeout=0.5,
        timeout=3600.0,
        buffer_size=4096,
        next_upstream=False,
        next_upstream_timeout=3.0,
        next_upstream_tries=2,
        half_close=True,
        socket_keepalive=True,
        socket_rcvbuf=8192,
        socket_sndbuf=9216,
        requests=1,
        responses=0,
    )


def test_each_directive_is_inherited_by_itself() -> None:
    found = proxy("proxy_timeout 1s;", before="proxy_timeout 9s; proxy_connect_timeout 8s;")
    assert (found.timeout, found.connect_timeout) == (1.0, 8.0)


@pytest.mark.parametrize(("word", "version"), [("on", 1), ("v1", 1), ("v2", 2), ("off", 0)])
def test_the_version_of_the_proxy_protocol(word: str, version: int) -> None:
    assert proxy(f"proxy_protocol {word};").protocol == version


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:80", "::1", "[::1]:80"])
def test_a_local_address(address: str) -> None:
    assert proxy(f"proxy_bind {address};").bind == constant(address)


def test_a_local_address_may_have_variables_and_be_another_s() -> None:
    found = proxy("proxy_bind $remote_addr transparent;")
    assert found.bind is not None
    assert (found.bind.source, found.bind_transparent) == ("$remote_addr", True)


def test_an_inherited_local_address_can_be_taken_back() -> None:
    assert proxy("proxy_bind off;", before="proxy_bind 127.0.0.1;").bind is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("proxy_bind 1.2.3;", 'invalid address "1.2.3"'),
        ("proxy_bind 127.0.0.1 foo;", 'invalid parameter "foo"'),
        ("proxy_download_rate x;", '"proxy_download_rate" directive invalid value'),
        ("proxy_timeout x;", '"proxy_timeout" directive invalid value'),
        ("proxy_protocol v3;", 'invalid value "v3"'),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    assert server_mistake(text).text.startswith(complaint)


def test_rates_and_dropping() -> None:
    found = proxy("proxy_download_rate 1k; proxy_upload_rate $remote_port; proxy_session_drop on;")
    assert found.download_rate == constant("1k")
    assert found.upload_rate is not None
    assert found.upload_rate.constant is None
    assert found.session_drop


def test_a_rate_of_nothing_is_none() -> None:
    assert proxy("proxy_download_rate 0; proxy_session_drop off;") == Proxy()


@pytest.mark.parametrize("name", ["proxy_downstream_buffer", "proxy_upstream_buffer"])
def test_old_names_of_the_buffer_s_size(name: str) -> None:
    assert proxy(f"{name} 4k;").buffer_size == 4096
    assert server_mistake(f"{name} 4k; proxy_buffer_size 8k;").text == '"proxy_buffer_size" directive is duplicate'
