"""The server that a hello names, in a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from certs import Authority
from workerbench import Bench

TEXT = """
ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%;
server { listen 127.0.0.1:%%PORT_a%% ssl; server_name one.test; return 1; }
server { listen 127.0.0.1:%%PORT_a%% default_server; server_name two.test; return 2; }
server { listen 127.0.0.1:%%PORT_b%% ssl; server_name only.test; return 3; }
server { listen 127.0.0.1:%%PORT_c%% ssl; server_name ~(.*); return 4; }
server { listen 127.0.0.1:%%PORT_d%%; server_name a; return 5; }
server { listen 127.0.0.1:%%PORT_d%%; server_name b; return 6; }
"""


@pytest.fixture
def bench(tmp_path: Path, authority: Authority) -> Iterator[Bench]:
    pair = authority.issue("a.test")
    with Bench(TEXT, tmp_path, CRT=pair.crt, KEY=pair.key) as running:
        yield running


def test_the_default_server_is_the_listener_s(bench: Bench) -> None:
    assert [bench.listener(name).target.server_name for name in "abcd"] == ["two.test", "only.test", "~(.*)", "a"]


def test_a_name_finds_its_server(bench: Bench) -> None:
    servers = bench.listener("a").servers
    assert servers is not None
    found = servers.find("one.test", {})
    assert found is not None
    assert found.server_name == "one.test"
    assert servers.find("two.test", {}) is bench.listener("a").target
    assert servers.find("three.test", {}) is None


def test_names_are_looked_at_only_where_they_choose_or_capture(bench: Bench) -> None:
    assert bench.listener("b").servers is None
    assert bench.listener("c").servers is not None
    assert bench.listener("d").servers is None  # nobody sends a name there


def test_equal_settings_share_a_context(bench: Bench) -> None:
    servers = bench.listener("a").servers
    assert servers is not None
    one = servers.find("one.test", {})
    assert one is not None
    assert one.server_context is bench.listener("a").target.server_context is not None
