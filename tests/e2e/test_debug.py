"""Lines at level debug: for everybody by `error_log`, for single clients by `debug_connection`."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import connect_unix, read_all
from daemon import Daemon
from deadline import seconds
from oracle import PROGRAMS, oracle

CONFIG = """
events { debug_connection 127.0.0.2/31; debug_connection unix:; }
stream {
    error_log %%DIR%%/few.log crit;
    error_log %%DIR%%/info.log info;
    server { listen 127.0.0.1:%%PORT_proxy%%; listen unix:%%DIR%%/socket; proxy_pass 127.0.0.1:%%PORT_reply%%; }
    server { listen 127.0.0.1:%%PORT_reply%%; return x; }
    server { listen 127.0.0.1:%%PORT_all%%; error_log %%DIR%%/all.log debug; return x; }
}
"""


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with oracle(request.param, tmp_path_factory.mktemp("debug"), CONFIG) as daemon:
        yield daemon


def ask_from(running: Daemon, source: str, port: str = "proxy") -> None:
    address = ("127.0.0.1", running.port(port))
    with socket.create_connection(address, seconds(10), (source, 0)) as client:
        assert read_all(client) == b"x"


def test_a_matching_client_is_logged_at_level_debug_in_every_log(running: Daemon) -> None:
    ask_from(running, "127.0.0.3")
    port = running.port("reply")
    for name in ("few.log", "info.log"):
        number = running.logged(r"\[debug\] .*accept: 127\.0\.0\.3:\d+ fd:\d+", name).split("*")[1].split()[0]
        running.logged(rf"\[debug\] \S+ \*{number} connect to 127\.0\.0\.1:{port}, fd:\d+", name)
        running.logged(rf"\[debug\] \S+ \*{number} finalize stream session: 200", name)
        running.logged(rf"\[debug\] \S+ \*{number} close stream connection: \d+", name)
        running.logged(rf"\[info\] \S+ \*{number} client 127\.0\.0\.3:\d+ connected to", name)
        running.logged(rf"\[info\] \S+ \*{number} upstream disconnected, bytes from/to client:0/1", name)


def test_another_client_is_not(running: Daemon) -> None:
    ask_from(running, "127.0.0.4")
    number = running.logged(r"\[info\] .*client 127\.0\.0\.4:", "info.log").split("*")[1].split()[0]
    running.logged(rf"\[info\] \S+ \*{number} upstream disconnected", "info.log")
    assert f"*{number} " not in running.read("few.log")
    assert not [line for line in running.read("info.log").splitlines() if f"*{number} " in line and "[debug]" in line]


def test_a_unix_socket_s_client_may_match(running: Daemon) -> None:
    with connect_unix(str(Path(running.directory) / "socket")) as client:
        assert read_all(client) == b"x"
    running.logged(r"\[debug\] .*accept: unix: fd:\d+", "few.log")


def test_a_log_at_level_debug_takes_everybody(running: Daemon) -> None:
    ask_from(running, "127.0.0.1", "all")
    running.logged(r"\[debug\] .*finalize stream session: 200", "all.log")
