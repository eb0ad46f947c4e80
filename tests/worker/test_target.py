"""A target's flat attributes are those of its settings."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from ipaddress import ip_network

import pytest

from penstock.shared.errorlog import ErrorLog, LogFiles
from penstock.shared.model.settings import AccessRule, Proxy, Settings
from penstock.shared.template import constant
from penstock.worker.target import Target


def target(settings: Settings) -> Target:
    files = LogFiles()
    try:
        return Target.of(3, settings, ErrorLog((), files, time.time, os.getpid), ())
    finally:
        files.close()


def test_the_defaults_are_nginxs() -> None:
    made = target(Settings())
    assert made.number == 3
    assert (made.connect_timeout, made.idle_timeout) == (60.0, 600.0)
    assert (made.nodelay, made.half_close, made.next_upstream) == (True, False, True)
    assert (made.next_tries, made.next_timeout, made.proxy_protocol) == (0, 0.0, 0)
    assert (made.tuned, made.has_access, made.has_sets) == (False, False, False)


def test_what_is_set_is_read_off() -> None:
    proxy = Proxy(connect_timeout=1, timeout=2, half_close=True, next_upstream=False, next_upstream_tries=3, protocol=2)
    made = target(Settings(proxy=replace(proxy, next_upstream_timeout=4), tcp_nodelay=False))
    assert (made.connect_timeout, made.idle_timeout, made.next_timeout) == (1, 2, 4)
    assert (made.nodelay, made.half_close, made.next_upstream) == (False, True, False)
    assert (made.next_tries, made.proxy_protocol) == (3, 2)


@pytest.mark.parametrize(
    "proxy",
    [Proxy(bind=constant("127.0.0.1")), Proxy(socket_rcvbuf=1), Proxy(socket_sndbuf=1), Proxy(socket_keepalive=True)],
)
def test_a_socket_that_needs_options_is_tuned(proxy: Proxy) -> None:
    assert target(Settings(proxy=proxy)).tuned


def test_rules_and_values_are_announced() -> None:
    rule = AccessRule(True, ip_network("10.0.0.0/8"))
    made = target(Settings(access=(rule,), sets=(("a", constant("b")),)))
    assert made.has_access
    assert made.has_sets
