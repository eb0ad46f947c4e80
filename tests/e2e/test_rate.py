"""Rates of sessions: the same on nginx and on Penstock."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from certs import Authority
from clients import careless, connect, read_exactly
from daemon import Daemon
from oracle import PROGRAMS, oracle
from peers import Peer

CONFIG = """
stream {
    map $server_port $speed { %%PORT_variable%% 16k; default fast; }
    ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%;

    server { listen 127.0.0.1:%%PORT_down%%; proxy_download_rate 16k; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_up%%;   proxy_upload_rate 16k; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_ssl%% ssl; proxy_download_rate 16k; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_variable%%; proxy_download_rate $speed; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_wrong%%; proxy_download_rate $speed; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_silent%%; proxy_download_rate 16k; proxy_timeout 300ms; proxy_pass %%ECHO%%; }
}
"""
SENT = bytes(range(256)) * 160
"""40 KiB: 16 at once, 16 after a second, the rest after another."""


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, echo: Peer, authority: Authority
) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("rate")
    pair = authority.issue("gate.test")
    with oracle(request.param, directory, CONFIG, ECHO=echo.address, CRT=pair.crt, KEY=pair.key) as daemon:
        yield daemon


def took(running: Daemon, name: str) -> float:
    """Seconds until all has come back."""
    with connect(running.port(name)) as sock:
        began = time.monotonic()
        sock.sendall(SENT)
        assert read_exactly(sock, len(SENT)) == SENT
        return time.monotonic() - began


@pytest.mark.parametrize("name", ["down", "up", "variable", "silent"])
def test_bytes_come_as_fast_as_the_rate_says(running: Daemon, name: str) -> None:
    assert 1.4 < took(running, name) < 3.5


def test_decrypted_bytes_are_those_that_count(running: Daemon) -> None:
    with connect(running.port("ssl")) as plain, careless().wrap_socket(plain) as sock:
        began = time.monotonic()
        sock.sendall(SENT)
        assert read_exactly(sock, len(SENT)) == SENT
        assert 1.4 < time.monotonic() - began < 3.5


def test_a_rate_that_is_no_size_is_none(running: Daemon) -> None:
    assert took(running, "wrong") < 0.9
    assert 'invalid size "fast" while' in running.errors()
