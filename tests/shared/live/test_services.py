"""Services of records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from record_making import service
from route_making import SETTINGS

from penstock.shared.live.services import Made, label_of, service_of, speaks
from penstock.shared.model.settings import Proxy, Settings
from penstock.shared.model.stream import Gateway
from penstock.shared.model.tls import UpstreamTls
from penstock.shared.model.upstream import Upstream


def made(gateway: Gateway | None = None, **fields: Any) -> Made:
    return service_of(service("s", **fields), gateway or Gateway(), Upstream("u", ()), None, None, None, ())


def test_milliseconds_are_seconds_and_the_longer_time_counts() -> None:
    proxy = made(connect_timeout=1500, read_timeout=100, write_timeout=200, retries=0).service.settings.proxy
    assert (proxy.connect_timeout, proxy.timeout, proxy.next_upstream_tries) == (1.5, 0.2, 1)


def test_what_stream_says_is_inherited() -> None:
    base = replace(SETTINGS, proxy=Proxy(half_close=True), preread_timeout=7.0)
    settings = made(Gateway(settings=base)).service.settings
    assert (settings.proxy.half_close, settings.preread_timeout) == (True, 7.0)


def test_a_service_that_speaks_tls_begins_with_its_own_settings() -> None:
    own = Settings(upstream_tls=UpstreamTls(on=True, ciphers="X"))
    assert made(Gateway(tls_settings=own), protocol="tls").service.settings.upstream_tls.ciphers == "X"
    assert not made(Gateway(tls_settings=own)).service.settings.upstream_tls.on


def test_without_them_the_name_is_sent() -> None:
    found = made(protocol="tls", tls_verify=True, tls_verify_depth=3)
    tls = found.service.settings.upstream_tls
    assert (tls.on, tls.server_name, tls.verify, tls.verify_depth) == (True, True, True, 3)
    assert not found.passing.upstream_tls.on


def test_enabled_and_names() -> None:
    assert not made(enabled=False).service.enabled
    assert made(enabled=True).service.enabled
    assert label_of(service("s")) == "s"
    assert label_of({"name": None, "host": "h.test"}) == "h.test"
    assert label_of(None) == ""


def test_only_tcp_and_tls_are_spoken() -> None:
    assert [speaks(service("s", protocol=each)) for each in ("tcp", "tls", "udp", "http")] == [True, True, False, False]
