"""Variables, `return`, `map`, `set` and the access log: the same on nginx and on Penstock."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from clients import ask, connect, echoed, read_all
from daemon import Daemon
from oracle import PROGRAMS, oracle
from peers import Peer

CONFIG = """
stream {
    log_format plain '$server_port $remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received $session_time';
    log_format upstream '$server_port "$upstream_addr" "$upstream_bytes_sent" "$upstream_bytes_received" "$upstream_connect_time" "$upstream_first_byte_time" "$upstream_session_time"';
    log_format json escape=json '{"port":"$server_port","quoted":"$quoted","nothing":"$ssl_preread_server_name"}';
    log_format escaped '$server_port $quoted';
    log_format none escape=none '$server_port $quoted';
    log_format clock '$server_port $time_iso8601 $msec $pid $hostname $connection';

    map $server_port $kind {
        %%PORT_map_literal%% literal;
        ~^(?<head>\\d\\d)\\d+$ "head $head";
        default none;
    }
    map $remote_addr:$server_port $joined { ~^127\\.0\\.0\\.1:(?P<p>\\d+)$ $p; }
    map $server_port $volatile { volatile; default "$connection"; }
    map $status $failed { 200 0; default 1; }
    map $server_port $empty { default ""; }
    map $server_port $quoted { default 'say "hi"\\\\'; }

    server { listen 127.0.0.1:%%PORT_return%%;      return "$protocol $remote_addr $server_addr:$server_port"; }
    server { listen 127.0.0.1:%%PORT_braces%%;      return "${protocol}x$remote_addr"; }
    server { listen 127.0.0.1:%%PORT_map_literal%%; return $kind; }
    server { listen 127.0.0.1:%%PORT_map_regex%%;   return $kind; }
    server { listen 127.0.0.1:%%PORT_map_joined%%;  return $joined; }
    server { listen 127.0.0.1:%%PORT_set%%;         set $one "a$server_port"; set $two "$one-b"; return $two; }
    server { listen 127.0.0.1:%%PORT_empty%%;       return $empty; }
    server { listen 127.0.0.1:%%PORT_long%%;        return "%%LONG%%"; }

    server { listen 127.0.0.1:%%PORT_plain%%;    access_log %%DIR%%/access.log plain; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_two%%;      access_log %%DIR%%/access.log plain; access_log %%DIR%%/second.log upstream; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_off%%;      access_log off; return x; }
    server { listen 127.0.0.1:%%PORT_if%%;       access_log %%DIR%%/access.log plain if=$failed; return x; }
    server { listen 127.0.0.1:%%PORT_if_bad%%;   access_log %%DIR%%/access.log plain if=$failed; proxy_pass 127.0.0.1:%%PORT_nobody%%; }
    server { listen 127.0.0.1:%%PORT_upstream%%; access_log %%DIR%%/access.log upstream; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_no_upstream%%; access_log %%DIR%%/access.log upstream; return x; }
    server { listen 127.0.0.1:%%PORT_retried%%;  access_log %%DIR%%/access.log upstream; proxy_pass retried; }
    server { listen 127.0.0.1:%%PORT_json%%;     access_log %%DIR%%/json.log json; return x; }
    server { listen 127.0.0.1:%%PORT_escaped%%;  access_log %%DIR%%/access.log escaped; return x; }
    server { listen 127.0.0.1:%%PORT_none%%;     access_log %%DIR%%/access.log none; return x; }
    server { listen 127.0.0.1:%%PORT_clock%%;    access_log %%DIR%%/access.log clock; return x; }
    server { listen 127.0.0.1:%%PORT_buffered%%; access_log %%DIR%%/access.log plain buffer=4k flush=100ms; return x; }
    server { listen 127.0.0.1:%%PORT_variable%%; access_log %%DIR%%/log-$server_port.log plain; return x; }

    upstream retried { server 127.0.0.1:%%PORT_nobody%% max_fails=0; server %%ECHO%% backup; }
}
"""
LONG = "0123456789" * 400
SECONDS = r"\d+\.\d{3}"


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, echo: Peer) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("values")
    with oracle(request.param, directory, CONFIG, ECHO=echo, LONG=LONG) as daemon:
        yield daemon


def said(running: Daemon, port: str) -> str:
    """What `return` says on a port."""
    return ask(running.port(port)).decode()


def test_return_says_its_text(running: Daemon) -> None:
    assert said(running, "return") == f"TCP 127.0.0.1 127.0.0.1:{running.port('return')}"


def test_braces_end_a_name(running: Daemon) -> None:
    assert said(running, "braces") == "TCPx127.0.0.1"


def test_a_long_return_arrives_whole(running: Daemon) -> None:
    assert said(running, "long") == LONG


def test_return_of_nothing_closes(running: Daemon) -> None:
    assert said(running, "empty") == ""


def test_map_prefers_the_literal(running: Daemon) -> None:
    assert said(running, "map_literal") == "literal"


def test_map_takes_captures_of_its_regex(running: Daemon) -> None:
    assert said(running, "map_regex") == f"head {str(running.port('map_regex'))[:2]}"


def test_map_reads_a_text_of_several_variables(running: Daemon) -> None:
    assert said(running, "map_joined") == str(running.port("map_joined"))


def test_set_works_in_the_order_written(running: Daemon) -> None:
    assert said(running, "set") == f"a{running.port('set')}-b"


def test_the_access_log_has_nginx_s_forms(running: Daemon) -> None:
    with connect(running.port("plain")) as client:
        echoed(client, b"1234567")
    date = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
    assert re.fullmatch(rf"127\.0\.0\.1 {date} TCP 200 7 7 {SECONDS}", running.session("plain"))


def test_a_server_may_have_two_access_logs(running: Daemon) -> None:
    with connect(running.port("two")) as client:
        echoed(client, b"1")
    assert " TCP 200 1 1 " in running.session("two")
    running.logged(rf'^{running.port("two")} "127\.0\.0\.1:\d+" "1" "1" ', "second.log")


def test_access_log_off_and_if_leave_lines_out(running: Daemon) -> None:
    for port in ("off", "if", "if_bad"):
        with connect(running.port(port)) as client:
            read_all(client)
    assert " TCP 502 0 0 " in running.session("if_bad")
    assert f"\n{running.port('off')} " not in running.read("access.log")
    assert f"\n{running.port('if')} " not in running.read("access.log")


def test_the_upstreams_variables(running: Daemon, echo: Peer) -> None:
    with connect(running.port("upstream")) as client:
        echoed(client, b"12345")
    assert re.fullmatch(rf'"{echo}" "5" "5" "{SECONDS}" "{SECONDS}" "{SECONDS}"', running.session("upstream"))


def test_the_upstreams_variables_without_an_upstream(running: Daemon) -> None:
    said(running, "no_upstream")
    assert running.session("no_upstream") == '"-" "-" "-" "-" "-" "-"'


def test_the_upstreams_variables_list_every_try(running: Daemon, echo: Peer) -> None:
    with connect(running.port("retried")) as client:
        echoed(client, b"12345")
    dead = f"127.0.0.1:{running.port('nobody')}"
    wanted = rf'"{dead}, {echo}" "0, 5" "0, 5" "-, {SECONDS}" "-, {SECONDS}" "{SECONDS}, {SECONDS}"'
    assert re.fullmatch(wanted, running.session("retried"))


def test_json_escapes(running: Daemon) -> None:
    said(running, "json")
    line = running.logged(str(running.port("json")), "json.log")
    assert json.loads(line) == {"port": str(running.port("json")), "quoted": 'say "hi"\\', "nothing": ""}


def test_the_default_escapes_quotes_as_hex(running: Daemon) -> None:
    said(running, "escaped")
    assert running.session("escaped") == r"say \x22hi\x22\x5C"


def test_escape_none_leaves_a_value_as_it_is(running: Daemon) -> None:
    said(running, "none")
    assert running.session("none") == 'say "hi"\\'


def test_clocks_and_names(running: Daemon) -> None:
    said(running, "clock")
    iso = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"
    pid = "|".join(map(str, running.workers()))
    assert re.fullmatch(rf"{iso} \d+\.\d{{3}} ({pid}) \S+ \d+", running.session("clock"))


def test_a_buffered_line_is_written_at_flush(running: Daemon) -> None:
    said(running, "buffered")
    assert " TCP 200 1 0 " in running.session("buffered")


def test_a_logs_name_may_hold_variables(running: Daemon) -> None:
    said(running, "variable")
    running.logged("^", f"log-{running.port('variable')}.log")
