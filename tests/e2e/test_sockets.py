"""What the kernel knows of sockets that are listened on and connected; the same of nginx and of Penstock."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from clients import connect
from daemon import Daemon
from deadline import wait_for
from needs import program, requires
from oracle import PROGRAMS, oracle
from peers import Peer

CONFIG = """
worker_processes 1;
stream {
    server { listen 127.0.0.1:%%PORT_plain%%;                  return x; }
    server { listen 127.0.0.1:%%PORT_backlog%% backlog=64;     return x; }
    server { listen 127.0.0.1:%%PORT_received%% rcvbuf=48k;    return x; }
    server { listen 127.0.0.1:%%PORT_sent%% sndbuf=32k;        return x; }
    server { listen [::1]:%%PORT_six%%;                        return x; }
    server { listen [::]:%%PORT_dual%% ipv6only=off;           return x; }
    server { listen [::]:%%PORT_only%%;                        return x; }
    server { listen 127.0.0.1:%%PORT_idle%%;                   proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_alive%% so_keepalive=on;  proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_timed%% so_keepalive=30:10:3; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_short%% so_keepalive=1m;  proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_up%%;                     proxy_pass %%ECHO%%; proxy_socket_keepalive on; }
}
"""
LISTENING = [
    # the port, what is seen of its socket
    ("plain", " 511 "),
    ("backlog", " 64 "),
    ("received", "rb98304,"),
    ("sent", "tb65536,"),
    ("six", "v6only:1"),
    ("dual", "v6only:0"),
    ("only", "v6only:1"),
]
CONNECTED = [
    # the port, the timer of the client's connection, and of that to the upstream
    ("idle", "", ""),
    ("alive", "timer:(keepalive,", ""),
    ("timed", "timer:(keepalive,29sec,", ""),
    ("short", "timer:(keepalive,59sec,", ""),
    ("up", "", "timer:(keepalive,"),
]


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, echo: Peer) -> Iterator[Daemon]:
    with oracle(request.param, tmp_path_factory.mktemp("sockets"), CONFIG, ECHO=echo) as daemon:
        yield daemon


def seen(*arguments: str) -> str:
    """What `ss` tells."""
    return subprocess.run([program("ss"), "-H", *arguments], capture_output=True, text=True, check=True).stdout


@requires("ss")
@pytest.mark.parametrize(("port", "wanted"), LISTENING)
def test_a_listening_socket_is_as_it_should_be(running: Daemon, port: str, wanted: str) -> None:
    assert wanted in seen("-ltnem", "sport", "=", f":{running.port(port)}")


@requires("ss")
@pytest.mark.parametrize(("port", "ours", "upstream"), CONNECTED)
def test_keepalive_is_where_it_is_asked_for(running: Daemon, port: str, ours: str, upstream: str, echo: Peer) -> None:
    before = set(seen("-tn", "dport", "=", f":{echo.port}").splitlines())
    with connect(running.port(port)):
        new = wait_for(
            lambda: set(seen("-tn", "dport", "=", f":{echo.port}").splitlines()) - before, "the upstream is connected"
        )
        client = seen("-tno", "sport", "=", f":{running.port(port)}")
        assert ours in client
        assert ours or "timer:" not in client
        local = new.pop().split()[3].rpartition(":")[2]
        outgoing = seen("-tno", "sport", "=", f":{local}")
        assert upstream in outgoing
        assert upstream or "timer:(keepalive" not in outgoing
