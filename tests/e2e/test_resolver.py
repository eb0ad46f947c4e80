"""Names in `proxy_pass` that variables make: asked for per session; the same on nginx and on Penstock."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

from collections.abc import Iterator

import dns.rcode
import pytest
from clients import ask, connect, ended_without_a_byte
from daemon import Daemon
from dns_server import DnsServer
from oracle import PROGRAMS, oracle

CONFIG = """
worker_processes 1;
stream {
    log_format access '$server_port $status $upstream_addr';
    access_log %%DIR%%/access.log access;
    resolver %%DNS%%;
    resolver_timeout 300ms;

    map $server_port $name {
        %%PORT_one%% one.test;     %%PORT_upper%% ONE.Test;  %%PORT_dot%% one.test.;    %%PORT_alias%% alias.test;
        %%PORT_two%% two.test;     %%PORT_six%% six.test;    %%PORT_no_six%% six.test;  %%PORT_none%% none.test;
        %%PORT_empty%% empty.test; %%PORT_silent%% silent.test; %%PORT_failing%% failing.test;
        %%PORT_nobody%% one.test;  default one.test;
    }
    server { listen 127.0.0.1:%%PORT_one%%;     proxy_pass $name:%%PORT_up%%; }
    server { listen 127.0.0.1:%%PORT_upper%%;   proxy_pass $name:%%PORT_up%%; }
    server { listen 127.0.0.1:%%PORT_dot%%;     proxy_pass $name:%%PORT_up%%; }
    server { listen 127.0.0.1:%%PORT_alias%%;   proxy_pass $name:%%PORT_up%%; }
    server { listen 127.0.0.1:%%PORT_two%%;     proxy_pass $name:%%PORT_up%%; }
    server { listen 127.0.0.1:%%PORT_six%%;     proxy_pass $name:%%PORT_up%%; }
    server { listen 127.0.0.1:%%PORT_no_six%%;  proxy_pass $name:%%PORT_up%%; resolver %%DNS%% ipv6=off; }
    server { listen 127.0.0.1:%%PORT_none%%;    proxy_pass $name:%%PORT_up%%; }
    server { listen 127.0.0.1:%%PORT_empty%%;   proxy_pass $name:%%PORT_up%%; }
    server { listen 127.0.0.1:%%PORT_silent%%;  proxy_pass $name:%%PORT_up%%; }
    server { listen 127.0.0.1:%%PORT_failing%%; proxy_pass $name:%%PORT_up%%; resolver %%FAILING%%; }
    server { listen 127.0.0.1:%%PORT_nobody%%;  proxy_pass $name:%%PORT_closed%%; resolver %%DNS%% ipv6=off; }
    server { listen 127.0.0.1:%%PORT_up%%;      access_log off; return 4; }
    server { listen [::1]:%%PORT_up%%;          access_log off; return 6; }
}
"""
ZONE = {
    ("one.test", "A"): (60, ("127.0.0.1",)),
    ("two.test", "A"): (60, ("127.0.0.2", "127.0.0.1")),
    ("six.test", "AAAA"): (60, ("::1",)),
    ("alias.test", "CNAME"): (60, ("one.test.",)),
    ("empty.test", "TXT"): (60, ('"x"',)),
}
FAILURES = [
    # the port, what is said of the name
    ("none", r"none.test could not be resolved \(3: Host not found\)"),
    ("empty", r"empty.test could not be resolved \(3: Host not found\)"),
    ("no_six", r"six.test could not be resolved \(3: Host not found\)"),
    ("silent", r"silent.test could not be resolved \(110: Operation timed out\)"),
    ("failing", r"failing.test could not be resolved \(2: Server failure\)"),
]


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("resolver")
    with DnsServer(ZONE) as names, DnsServer({}) as failing:
        names.silent_for = lambda name, _kind: name.startswith("silent")
        failing.code = dns.rcode.SERVFAIL
        with oracle(request.param, directory, CONFIG, DNS=names.address, FAILING=failing.address) as daemon:
            yield daemon


@pytest.mark.parametrize(
    ("port", "wanted"), [("one", b"4"), ("upper", b"4"), ("dot", b"4"), ("alias", b"4"), ("two", b"4"), ("six", b"6")]
)
def test_a_name_is_found(running: Daemon, port: str, wanted: bytes) -> None:
    assert ask(running.port(port)) == wanted


@pytest.mark.parametrize(("port", "line"), FAILURES)
def test_a_name_that_cannot_be_resolved_is_500(running: Daemon, port: str, line: str) -> None:
    with connect(running.port(port)) as client:
        assert ended_without_a_byte(client)
    assert running.session(port) == "500 -"
    tail = f"client: 127.0.0.1, server: 127.0.0.1:{running.port(port)}, bytes from/to client:0/0, bytes from/to upstream:0/0"
    running.logged(rf"\[error\] \d+#\d+: \*\d+ {line}, {tail}$")


def test_the_address_is_logged_and_not_the_name(running: Daemon) -> None:
    with connect(running.port("nobody")) as client:
        assert ended_without_a_byte(client)
    assert running.session("nobody") == f"502 127.0.0.1:{running.port('closed')}"
