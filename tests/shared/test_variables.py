"""The built-in variables as a whole, and their lines in the real nginx's log."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from clients import connect, read_all
from needs import requires
from nginx import Nginx
from peers import Peer, echo
from viewed import Viewed, at_noon, attempt

from penstock.shared import variables
from penstock.shared.logformat import compile_log_format
from penstock.shared.model.address import ipv4
from penstock.shared.sources import sources
from penstock.shared.template import UnknownVariable
from penstock.shared.variables import GETTERS, MISSING, lookup


@pytest.mark.parametrize("name", GETTERS)
def test_every_variable_reads_off_a_bare_session(name: str) -> None:
    value = lookup(name)(Viewed())
    assert value is None or isinstance(value, str)


@pytest.mark.parametrize("name", [*sorted(MISSING), "", "nothing", "Remote_addr", "geoip"])
def test_unknown_names_are_said(name: str) -> None:
    with pytest.raises(UnknownVariable) as caught:
        lookup(name)
    assert caught.value.args[0] == name


def test_what_needs_openssl_is_unknown_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables, "unavailable", lambda: "a reason")
    for name in ("ssl_curve", "ssl_curves", "ssl_ciphers"):
        with pytest.raises(UnknownVariable):
            lookup(name)
    assert lookup("ssl_cipher") is GETTERS["ssl_cipher"]


FORMAT = (
    "[$connection] [$remote_addr] [$remote_port] [$server_addr] [$server_port] [$protocol] [$status] [$bytes_received]"
    " [$bytes_sent] [$session_time] [$msec] [$time_local] [$time_iso8601] [$hostname] [$binary_remote_addr]"
    " [$realip_remote_addr] [$realip_remote_port] [$proxy_protocol_addr] [$proxy_protocol_port] [$upstream_addr]"
    " [$upstream_bytes_sent] [$upstream_bytes_received] [$upstream_connect_time] [$upstream_first_byte_time]"
    " [$upstream_session_time] [$ssl_protocol] [$ssl_cipher] [$ssl_server_name] [$ssl_session_reused]"
    " [$ssl_client_verify] [$ssl_client_s_dn] [$ssl_preread_server_name] [$ssl_preread_alpn_protocols] [$pid]"
)
ODD = '\\"\\\\\x01\x1f\\n\\té\x7f'
"""In nginx's language: a quote, a backslash, two controls, a newline, a tab, a letter of two bytes, DEL."""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    text = f"""stream {{
        map $protocol $odd {{ default "{ODD}"; }}
        map $protocol $none {{ ""  x; }}
        log_format all '{FORMAT}';
        log_format default escape=default '<$odd><$none><$proxy_protocol_addr>"%\\\\';
        log_format json    escape=json    '<$odd><$none><$proxy_protocol_addr>"%\\\\';
        log_format none    escape=none    '<$odd><$none><$proxy_protocol_addr>"%\\\\';
        server {{ listen 127.0.0.1:%%PORT_return%%; return hello; access_log %%DIR%%/return.log all;
                  access_log %%DIR%%/default.log default; access_log %%DIR%%/json.log json;
                  access_log %%DIR%%/none.log none; }}
        upstream two {{ server 127.0.0.1:%%PORT_closed%%; server %%ECHO%% backup; }}
        server {{ listen 127.0.0.1:%%PORT_two%%; proxy_pass two; access_log %%DIR%%/two.log all; }}
        upstream dead {{ server 127.0.0.1:%%PORT_closed%%; }}
        server {{ listen 127.0.0.1:%%PORT_dead%%; proxy_pass dead; access_log %%DIR%%/dead.log all; }}
    }}"""
    with Peer(echo) as peer, Nginx(tmp_path_factory.mktemp("variables"), text, ECHO=peer) as running:
        yield running


def rendered(session: Viewed) -> str:
    return compile_log_format(FORMAT, "default", lookup).render(session)


def shape(line: str) -> str:
    """A line with what differs from run to run made equal: times, ports, the host, the pid, the first number."""
    line = re.sub(r"\d+\.\d{3}\b", "0.000", line)
    line = re.sub(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", "LOCAL", line)
    line = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", "ISO", line)
    line = re.sub(r"(?<=127\.0\.0\.1:)\d+", "PORT", line)
    line = re.sub(r"(?<=ISO\] \[)[^]]*", "HOST", line)
    return re.sub(r"\[\d+\]$", "[PID]", line)


def visit(nginx: Nginx, name: str, data: bytes = b"") -> int:
    """Make one session and give its client's port."""
    with connect(nginx.port(name)) as client:
        port: int = client.getsockname()[1]
        client.sendall(data)
        if data:
            assert client.recv(100) == data
        else:
            read_all(client)
        return port


@requires("nginx-stream")
def test_a_return_servers_line_is_nginxs(nginx: Nginx) -> None:
    port = visit(nginx, "return")
    line = nginx.logged(rf"\[{port}\]", "return.log")
    session = Viewed(remote_port=port, peer_port=port, sent=5, local=ipv4("127.0.0.1", nginx.port("return")))
    session.number = int(line.split("]")[0][1:])
    assert shape(rendered(session)) == shape(line)


@requires("nginx-stream")
def test_a_proxied_sessions_line_is_nginxs(nginx: Nginx) -> None:
    port = visit(nginx, "two", b"four")
    line = nginx.logged(rf"\[{port}\]", "two.log")
    session = Viewed(remote_port=port, peer_port=port, received=4, sent=4)
    session.local = ipv4("127.0.0.1", nginx.port("two"))
    session.number = int(line.split("]")[0][1:])
    session.tries = [attempt("127.0.0.1:1", whole=0.0), attempt("127.0.0.1:2", 0.0, 0.001, 0.01)]
    session.tries[1].sent = session.tries[1].received = 4
    assert shape(rendered(session)) == shape(line)


@requires("nginx-stream")
def test_a_failed_sessions_line_is_nginxs(nginx: Nginx) -> None:
    port = visit(nginx, "dead")
    line = nginx.logged(rf"\[{port}\]", "dead.log")
    session = Viewed(remote_port=port, peer_port=port, status=502)
    session.local = ipv4("127.0.0.1", nginx.port("dead"))
    session.number = int(line.split("]")[0][1:])
    session.tries = [attempt("127.0.0.1:1", whole=0.0)]
    assert shape(rendered(session)) == shape(line)


@requires("nginx-stream")
@pytest.mark.parametrize("escape", ["default", "json", "none"])
def test_values_are_escaped_as_nginx_does(nginx: Nginx, escape: str) -> None:
    visit(nginx, "return")
    nginx.logged("hello|<", f"{escape}.log")
    written = (nginx.directory / f"{escape}.log").read_bytes().decode()
    odd = {"odd": '"\\\x01\x1f\n\té\x7f', "none": ""}

    def known(name: str) -> object:
        return (lambda _: odd[name]) if name in odd else lookup(name)

    line = compile_log_format('<$odd><$none><$proxy_protocol_addr>"%\\', escape, known)  # type: ignore[arg-type]  # a lambda
    assert written.startswith(line.render(Viewed()) + "\n")


def test_the_process_is_seen_through_its_sources() -> None:
    at_noon()
    line = compile_log_format("$msec $pid $hostname", "default", lookup).render(Viewed())
    assert line == "1795608000.250 4711 gate.example"
    assert sources.clock.now() == 1795608000.25
