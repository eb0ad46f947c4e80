"""The Admin API as a part of the master: opened, served, moved by reloads."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from certs import Authority
from clients import connect, connect_unix, read_all
from deadline import seconds
from gate import Gate, Tried

from penstock.master.administration import node_id, resident

TOKEN = "0123456789abcdef"
STREAM = "stream { stream_listen 127.0.0.1:%%PORT_a%%; }"
PLAIN = "admin_listen 127.0.0.1:%%PORT_admin%%; admin_access_log %%DIR%%/admin.log; database sqlite %%DIR%%/p.db;"


def ask(
    gate: Gate, path: str, body: Any = None, port: str = "admin", tls: ssl.SSLContext | None = None, token: str = ""
) -> tuple[int, Any]:
    """One request, as JSON."""
    number = gate.port(port)
    connection = (
        http.client.HTTPSConnection("127.0.0.1", number, timeout=seconds(15), context=tls)
        if tls
        else http.client.HTTPConnection("127.0.0.1", number, timeout=seconds(15))
    )
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        connection.request("GET" if body is None else "POST", path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "null")
    finally:
        connection.close()


def status_over(connection: http.client.HTTPConnection) -> bytes:
    """One request on a connection that stays open."""
    connection.request("GET", "/status")
    return connection.getresponse().read()


def test_entities_outlive_reloads_and_restarts(tmp_path: Path) -> None:
    with Gate(tmp_path, f"{PLAIN} {STREAM}") as gate:
        status, made = ask(gate, "/services", {"name": "s", "host": "a.test", "protocol": "tcp"})
        assert status == 201
        gate.reload()
        assert ask(gate, "/services/s") == (200, made)
        node = ask(gate, "/")[1]["node_id"]
    with Gate(tmp_path, f"{PLAIN} {STREAM}") as gate:
        assert ask(gate, "/services/s") == (200, made)
        assert ask(gate, "/")[1]["node_id"] == node
        assert '"GET /services/s HTTP/1.1" 200' in (tmp_path / "admin.log").read_text()


def test_a_reload_moves_it(tmp_path: Path) -> None:
    with Gate(tmp_path, f"{PLAIN} {STREAM}") as gate:
        ask(gate, "/services", {"name": "s", "host": "a.test"})
        gate.reload(f"{PLAIN} {STREAM}".replace("PORT_admin", "PORT_moved"))
        assert ask(gate, "/services/s", port="moved")[0] == 200
        with pytest.raises(ConnectionError):
            ask(gate, "/")


def test_a_reload_cannot_change_the_database(tmp_path: Path) -> None:
    with Gate(tmp_path, f"{PLAIN} {STREAM}") as gate:
        gate.trouble = re.compile("Traceback")  # a refused reload is logged as [emerg], as nginx does
        before = gate.generation()
        gate.write(f"{PLAIN} {STREAM}".replace("p.db", "other.db"))
        gate.wait_metric("penstock_config_last_reload_success", 1)
        gate.signal(signal.SIGHUP)
        gate.wait_metric("penstock_config_last_reload_success", 0)
        assert gate.generation() == before
        assert "the database cannot be changed by a reload" in gate.error_log.read_text()
        assert ask(gate, "/")[0] == 200
        assert not (tmp_path / "other.db").exists()


def test_tokens_are_read_anew_by_a_reload(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(TOKEN)
    text = f"{PLAIN} admin_auth token_file %%DIR%%/tokens; {STREAM}"
    with Gate(tmp_path, text) as gate:
        assert (ask(gate, "/")[0], ask(gate, "/", token=TOKEN)[0]) == (401, 200)
        (tmp_path / "tokens").write_text(TOKEN[::-1])
        gate.reload()
        assert (ask(gate, "/", token=TOKEN)[0], ask(gate, "/", token=TOKEN[::-1])[0]) == (401, 200)


def test_who_shows_a_certificate_comes_in(tmp_path: Path, authority: Authority) -> None:
    pair, client = authority.issue("admin.test"), authority.issue("me.test")
    text = (
        "admin_listen 0.0.0.0:%%PORT_admin%% ssl; admin_auth mtls %%CA%%; database sqlite %%DIR%%/p.db;"
        f" admin_ssl_certificate %%CRT%%; admin_ssl_certificate_key %%KEY%%; {STREAM}"
    )
    context = ssl.create_default_context(cafile=str(authority.file))
    context.check_hostname = False
    with Gate(tmp_path, text, CA=authority.file, CRT=pair.crt, KEY=pair.key) as gate:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(gate, "/", tls=context)
        context.load_cert_chain(client.crt, client.key)
        assert ask(gate, "/", tls=context)[0] == 200


def test_who_may_come_in_is_decided_anew_by_a_reload(tmp_path: Path, authority: Authority) -> None:
    pairs = authority.issue("before.test"), authority.issue("after.test")
    listen = "admin_listen 127.0.0.1:%%PORT_admin%% ssl; database sqlite %%DIR%%/p.db;"
    before, after = (f"admin_ssl_certificate {pair.crt}; admin_ssl_certificate_key {pair.key};" for pair in pairs)
    context = ssl.create_default_context(cafile=str(authority.file))
    context.check_hostname = False
    with Gate(tmp_path, f"{listen} {before} {STREAM}") as gate:
        early = http.client.HTTPSConnection("127.0.0.1", gate.port("admin"), timeout=seconds(15), context=context)
        assert status_over(early)
        early.auto_open = 0
        gate.reload(f"{listen} {after} admin_auth mtls {authority.file}; {STREAM}")
        with pytest.raises((OSError, http.client.HTTPException)):
            status_over(early)
        early.close()
        with pytest.raises(OSError):
            ask(gate, "/", tls=context)
        context.load_cert_chain(pairs[1].crt, pairs[1].key)
        assert ask(gate, "/", tls=context)[0] == 200
        context.check_hostname = True
        with (
            socket.create_connection(("127.0.0.1", gate.port("admin"))) as plain,
            context.wrap_socket(plain, server_hostname="after.test"),
        ):
            pass


def test_a_store_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    tried = Tried(tmp_path, "admin_listen 127.0.0.1:%%PORT_a%%; database sqlite %%DIR%%/no/p.db; error_log %%DIR%%/e;")
    assert tried.status == 1
    assert "no/p.db" in tried.result.stderr


def test_only_its_user_and_group_may_use_its_unix_socket(tmp_path: Path) -> None:
    with Gate(tmp_path, f"{PLAIN} admin_listen unix:%%DIR%%/admin.sock; {STREAM}") as gate:
        assert mode(tmp_path / "admin.sock") == 0o660
        gate.reload()
        assert mode(tmp_path / "admin.sock") == 0o660


def test_a_refused_database_leaves_no_socket_behind(tmp_path: Path) -> None:
    text = f"worker_processes 1; {PLAIN} {STREAM}"
    with Gate(tmp_path, text) as gate:
        gate.trouble = re.compile("Traceback")
        gate.write(text.replace("p.db", "other.db").replace("processes 1", "processes 2"))
        gate.wait_metric("penstock_config_last_reload_success", 1)
        gate.signal(signal.SIGHUP)
        gate.wait_metric("penstock_config_last_reload_success", 0)
        gate.reload(text.replace("processes 1", "processes 2"))
        assert listening(gate.port("a")) == 2


def test_only_its_user_may_change_the_id_of_a_node(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        node_id(str(tmp_path))
    finally:
        os.umask(before)
    assert mode(tmp_path / "node.id") == 0o644


def listening(port: int) -> int:
    """How many sockets listen on a port (proc(5))."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[1].endswith(f":{port:04X}") and line[3] == "0A" for line in lines)


def mode(path: Path) -> int:
    """Who may do what with a file."""
    return path.stat().st_mode & 0o777


def test_the_id_of_a_node_is_kept(tmp_path: Path) -> None:
    assert node_id(str(tmp_path)) == node_id(str(tmp_path))
    assert node_id(str(tmp_path / "no")) != node_id(str(tmp_path / "no"))


def test_the_memory_of_nobody() -> None:
    assert resident(2**22 + 1) == 0


def test_a_unix_socket_may_be_called_anything(tmp_path: Path) -> None:
    text = f"admin_listen unix:%%DIR%%/admin.sock; database sqlite %%DIR%%/p.db; {STREAM}"
    with Gate(tmp_path, text), connect_unix(str(tmp_path / "admin.sock")) as client:
        client.sendall(b"GET /status HTTP/1.1\r\nHost: anything\r\nConnection: close\r\n\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 200 ")


def test_a_name_that_somebody_let_point_here_is_refused(tmp_path: Path) -> None:
    with Gate(tmp_path, f"{PLAIN} {STREAM}") as gate, connect(gate.port("admin")) as client:
        client.sendall(b"GET /status HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 401 ")
