"""What the error log says of sessions and how they end, word for word; the same on nginx and on Penstock."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections.abc import Iterator

import peers
import pytest
from certs import Authority
from clients import careless, client_hello, connect, connect_tls, echoed, read_all, reset
from daemon import Daemon
from oracle import PROGRAMS, oracle
from peers import Peer

CONFIG = """
worker_processes 1;
stream {
    log_format access '$server_port $status $upstream_addr $upstream_bytes_sent/$upstream_bytes_received';
    access_log %%DIR%%/access.log access;
    map $server_port $nothing { default ""; }
    upstream both    { server 127.0.0.1:%%PORT_dead%% fail_timeout=1h; server 127.0.0.1:%%PORT_dead2%% fail_timeout=1h; }
    upstream down    { server 127.0.0.1:%%PORT_dead%% down; }
    upstream refusing { server 127.0.0.1:%%PORT_dead%% max_fails=0; server unix:/nowhere max_fails=0; }

    server { listen 127.0.0.1:%%PORT_refused%%;  proxy_pass 127.0.0.1:%%PORT_dead%%; }
    server { listen 127.0.0.1:%%PORT_nowhere%%;  proxy_pass unix:/nowhere; }
    server { listen 127.0.0.1:%%PORT_both%%;     proxy_pass both; }
    server { listen 127.0.0.1:%%PORT_down%%;     proxy_pass down; }
    server { listen 127.0.0.1:%%PORT_off%%;      proxy_pass refusing; proxy_next_upstream off; }
    server { listen 127.0.0.1:%%PORT_resets%%;   proxy_pass %%RESETS%%; }
    server { listen 127.0.0.1:%%PORT_echo%%;     proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_client%%;   proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_a%%;        proxy_pass %%A%%; }
    server { listen 127.0.0.1:%%PORT_idle%%;     proxy_pass %%ECHO%%; proxy_timeout 200ms; }
    server { listen 127.0.0.1:%%PORT_bound%%;    proxy_pass %%A%%; proxy_bind 127.0.0.9; }
    server { listen 127.0.0.1:%%PORT_foreign%%;  proxy_pass %%A%%; proxy_bind 203.0.113.9; }
    server { listen 127.0.0.1:%%PORT_odd%%;      proxy_pass %%A%%; proxy_bind $protocol; }
    server { listen 127.0.0.1:%%PORT_unbound%%;  proxy_pass %%A%%; proxy_bind $nothing; }
    server { listen 127.0.0.1:%%PORT_noport%%;   proxy_pass $remote_addr; }
    server { listen 127.0.0.1:%%PORT_nohost%%;   proxy_pass $nothing; }
    server { listen 127.0.0.1:%%PORT_badport%%;  proxy_pass $remote_addr:x; }
    server { listen 127.0.0.1:%%PORT_name%%;     proxy_pass x$remote_addr:1; }
    server { listen 127.0.0.1:%%PORT_to_six%%;   proxy_pass [::1]:%%PORT_six%%; }
    server { listen [::1]:%%PORT_six%%;          access_log off; return x; }
    server { listen 127.0.0.1:%%PORT_proxied%%;  proxy_protocol on; proxy_pass unix:%%DIR%%/in.sock; }
    server { listen unix:%%DIR%%/in.sock proxy_protocol; access_log off; return x; }
    server { listen 127.0.0.1:%%PORT_denied%%;   deny all; return x; }
    server { listen 127.0.0.1:%%PORT_header%% proxy_protocol; return x; }
    server { listen 127.0.0.1:%%PORT_slow%% proxy_protocol; proxy_protocol_timeout 200ms; return x; }
    server { listen 127.0.0.1:%%PORT_preread%%;  ssl_preread on; preread_buffer_size 16; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_tls%% ssl;  ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; ssl_protocols TLSv1.3; return x; }
    server { listen 127.0.0.1:%%PORT_alpn%% ssl; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; ssl_alpn h2; return x; }
    server { listen 127.0.0.1:%%PORT_left%% ssl; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; return x; }
    server { listen 127.0.0.1:%%PORT_plain%%;    proxy_ssl on; proxy_pass %%PLAIN%%; }
    server { listen 127.0.0.1:%%PORT_other%%;    proxy_ssl on; proxy_ssl_verify on; proxy_ssl_trusted_certificate %%CA%%; proxy_ssl_name b.test; proxy_pass %%TLS%%; }
    server { listen 127.0.0.1:%%PORT_nocert%%;   proxy_ssl on; proxy_ssl_certificate /nowhere$pid; proxy_ssl_certificate_key /nowhere; proxy_pass %%TLS%%; }
}
"""
NONE = ", bytes from/to client:0/0, bytes from/to upstream:0/0"
OPENSSL = r"SSL_do_handshake\(\) failed \(SSL: error:0A{}\) while SSL handshaking"

FACTS = [
    # the port, the session's status and upstream as far as they are told, a line of the error log
    (
        "refused",
        "502 DEAD 0/0",
        rf"[error] connect\(\) failed \(111: Connection refused\) while connecting to upstream, CLIENT, upstream: \"DEAD\"{NONE}",
    ),
    (
        "nowhere",
        "502 unix:/nowhere 0/0",
        rf"[crit] connect\(\) to unix:/nowhere failed \(2: No such file or directory\) while connecting to upstream, CLIENT, upstream: \"unix:/nowhere\"{NONE}",
    ),
    (
        "both",
        "502 DEAD, DEAD2 0, 0/0, 0",
        rf"[warn] upstream server temporarily disabled while connecting to upstream, CLIENT, upstream: \"DEAD2\"{NONE}",
    ),
    (
        "down",
        "502 down 0/0",
        rf"[error] no live upstreams while connecting to upstream, CLIENT, upstream: \"down\"{NONE}",
    ),
    (
        "off",
        "502 DEAD 0/0",
        rf"[error] connect\(\) failed \(111: Connection refused\) while connecting to upstream, CLIENT, upstream: \"DEAD\"{NONE}",
    ),
    (
        "resets",
        "200 ",
        r"[error] recv\(\) failed \(104: Connection reset by peer\) while proxying and reading from upstream, CLIENT, upstream: \S+, bytes from/to client:1/0, bytes from/to upstream:0/1",
    ),
    ("echo", "200 ", r"[info] client disconnected, bytes from/to client:1/1, bytes from/to upstream:1/1"),
    (
        "client",
        "200 ",
        r"[info] recv\(\) failed \(104: Connection reset by peer\) while proxying and reading from client, CLIENT, upstream: \S+, bytes from/to client:1/1, bytes from/to upstream:1/1",
    ),
    ("a", "200 ", r"[info] proxy 127.0.0.1:\d+ connected to 127.0.0.1:\d+"),
    (
        "idle",
        "200 ",
        rf"[info] connection timed out \(110: Connection timed out\) while proxying connection, CLIENT, upstream: \S+{NONE}",
    ),
    ("bound", "200 ", r"[info] proxy 127.0.0.9:\d+ connected to 127.0.0.1:\d+"),
    (
        "foreign",
        "500 ",
        rf"[crit] bind\(203.0.113.9\) failed \(99: Cannot assign requested address\) while connecting to upstream, CLIENT, upstream: \S+{NONE}",
    ),
    ("odd", "200 ", rf"[error] invalid local address \"TCP\", CLIENT(?:, upstream: \S+)?{NONE}"),
    ("unbound", "200 ", r"[info] upstream disconnected, bytes from/to client:0/1, bytes from/to upstream:1/0"),
    ("to_six", "200 ", r"[info] proxy \[::1\]:\d+ connected to \[::1\]:\d+"),
    (
        "proxied",
        "200 ",
        r"[info] upstream disconnected, bytes from/to client:0/1, bytes from/to upstream:1/(?:4[0-9]|50)",
    ),
    ("noport", "500 - -/-", rf"[error] no port in upstream \"127.0.0.1\", CLIENT{NONE}"),
    ("nohost", "500 - -/-", rf"[error] no host in upstream \"\", CLIENT{NONE}"),
    ("badport", "500 - -/-", rf"[error] invalid port in upstream \"127.0.0.1:x\", CLIENT{NONE}"),
    ("name", "500 - -/-", rf"[error] no resolver defined to resolve x127.0.0.1, CLIENT{NONE}"),
    ("denied", "403 - -/-", r"[error] access forbidden by rule while initializing session, CLIENT"),
    ("header", "400 - -/-", r"[error] broken header: \"nonsense\" while reading PROXY protocol, CLIENT"),
    (
        "slow",
        "200 - -/-",
        r"[info] client timed out \(110: Connection timed out\) while reading PROXY protocol, CLIENT",
    ),
    ("preread", "400 - -/-", r"[error] preread buffer full while prereading client data, CLIENT"),
    ("tls", "500 - -/-", rf"[info] {OPENSSL.format('00009C:SSL routines::http request')}, CLIENT"),
    ("alpn", "500 - -/-", rf"[info] {OPENSSL.format('0000EB:SSL routines::no application protocol')}, CLIENT"),
    ("left", "500 - -/-", r"[info] peer closed connection in SSL handshake while SSL handshaking, CLIENT"),
    (
        "plain",
        "502 ",
        rf"[error] {OPENSSL.format('00010B:SSL routines::wrong version number')} to upstream, CLIENT, upstream: \S+{NONE}",
    ),
    (
        "other",
        "502 ",
        rf"[error] upstream SSL certificate does not match \"b.test\" while SSL handshaking to upstream, CLIENT, upstream: \S+{NONE}",
    ),
    (
        "nocert",
        "500 ",
        rf"[error] cannot load certificate \"/nowhere\d+\": BIO_new_file\(\) failed .* while connecting to upstream, CLIENT, upstream: \S+{NONE}",
    ),
]
SENT = {"resets": b"x", "header": b"nonsense", "preread": client_hello("said.test"), "tls": b"GET / HTTP/1.0\r\n\r\n"}
"""What clients send before they wait for the end."""


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    echo: Peer,
    tls_echo: Peer,
) -> Iterator[Daemon]:
    pair = authority.issue("said.test")
    values = {"ECHO": echo, "TLS": tls_echo, "CRT": pair.crt, "KEY": pair.key, "CA": authority.file}
    with (
        Peer(peers.resets) as resetting,
        Peer(peers.says_and_leaves("a")) as peer_a,
        Peer(peers.says("this is no TLS")) as plain,
        oracle(
            request.param, tmp_path_factory.mktemp("said"), CONFIG, RESETS=resetting, A=peer_a, PLAIN=plain, **values
        ) as daemon,
    ):
        for port, _, _ in FACTS:
            meet(daemon, port)
        yield daemon


def meet(daemon: Daemon, port: str) -> None:
    """One session."""
    if port == "alpn":
        context = careless()
        context.set_alpn_protocols(["x"])
        with contextlib.suppress(ssl.SSLError):
            connect_tls(daemon.port(port), context).close()
        return
    with connect(daemon.port(port)) as client:
        if port in ("echo", "client"):
            echoed(client, b"x")
        if port == "client":
            reset(client)
        elif port == "left":
            client.shutdown(socket.SHUT_WR)
        if port not in ("echo", "client"):
            with contextlib.suppress(ConnectionError):
                client.sendall(SENT.get(port, b""))
                read_all(client)


@pytest.mark.parametrize(("port", "ended", "line"), FACTS, ids=[fact[0] for fact in FACTS])
def test_a_session_is_told(running: Daemon, port: str, ended: str, line: str) -> None:
    dead = {f"DEAD{number}": f"127.0.0.1:{running.port(f'dead{number}')}" for number in ("2", "")}
    level, _, text = line.partition(" ")
    client = f"client: 127.0.0.1, server: 127.0.0.1:{running.port(port)}"
    text = text.replace("CLIENT", client)
    for place, address in dead.items():
        text, ended = text.replace(place, address), ended.replace(place, address)
    running.logged(rf" {re.escape(level)} \d+#\d+: \*\d+ {text}$")
    assert running.session(port).startswith(ended)
