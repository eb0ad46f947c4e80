"""TLS with clients: who gets in, and how a handshake fails."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Final

import pytest
from certs import Authority
from clients import careless, client_hello, reset
from workerbench import Bench

from penstock.worker.handshake import handshake_error

TEXT = """
server {{ listen 127.0.0.1:%%PORT_a%% ssl; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; {}
          return "$ssl_protocol|$ssl_server_name|$ssl_session_reused"; }}
"""


READ: Final = "$ssl_server_name|"
"""What makes the hello be looked at before OpenSSL gets it."""
UNREAD: Final = ""


def run(tmp_path: Path, authority: Authority, settings: str = "", name: str = READ) -> Bench:
    pair = authority.issue("gate.test")
    return Bench(TEXT.replace(READ, name).format(settings), tmp_path, CRT=pair.crt, KEY=pair.key)


def handshakes(bench: Bench, version: str | None, outcome: str, resumed: bool = False) -> int:
    return int(bench.row[bench.layout.handshake(bench.listener().number, version, resumed, outcome)])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_is_let_in(tmp_path: Path, authority: Authority, version: ssl.TLSVersion) -> None:
    context = authority.client()
    context.minimum_version = context.maximum_version = version
    with run(tmp_path, authority) as bench:
        tls = bench.tls_client(context, "gate.test")
        word = tls.version()
        assert bench.hear_all(tls) == f"{word}|gate.test|.".encode()
        bench.idle()
        assert handshakes(bench, word, "ok") == 1


@pytest.mark.parametrize("name", [READ, UNREAD], ids=["read", "unread"])
def test_a_hello_is_looked_at_only_where_somebody_asks(tmp_path: Path, authority: Authority, name: str) -> None:
    with run(tmp_path, authority, name=name) as bench:
        client = bench.client()
        client.send(client_hello("gate.test"))
        bench.hear(client, 10)
        (session,) = bench.worker.sessions
        assert (session.hello is not None) is (name == READ)


def test_a_session_is_resumed(tmp_path: Path, authority: Authority) -> None:
    context = careless()
    with run(tmp_path, authority) as bench:
        first = bench.tls_client(context)
        bench.hear_all(first)
        again = context.wrap_socket(bench.client(), do_handshake_on_connect=False, session=first.session)
        bench.open.append(again)
        bench.shake(again)
        assert bench.hear_all(again).endswith(b"|r")
        assert handshakes(bench, "TLSv1.3", "ok", resumed=True) == 1


@pytest.mark.parametrize("name", [READ, UNREAD], ids=["read", "unread"])
def test_bytes_that_are_no_hello_fail_the_handshake(tmp_path: Path, authority: Authority, name: str) -> None:
    with run(tmp_path, authority, name=name) as bench:
        client = bench.client()
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        bench.until(lambda: bench.refused("client_tls"))
        bench.idle()
        assert bench.status(500) == 1
        assert handshakes(bench, None, "failed") == 1
        assert "while SSL handshaking" in bench.line("SSL_do_handshake() failed (SSL: ")


@pytest.mark.parametrize("name", [READ, UNREAD], ids=["read", "unread"])
@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00"])
def test_a_client_that_says_too_little_times_out(tmp_path: Path, authority: Authority, sent: bytes, name: str) -> None:
    with run(tmp_path, authority, "ssl_handshake_timeout 100ms;", name=name) as bench:
        client = bench.client()
        if sent:
            client.send(sent)
        assert bench.ended(client)
        assert handshakes(bench, None, "timeout") == 1
        assert bench.line("client timed out (110: Connection timed out) while SSL handshaking")


@pytest.mark.parametrize("name", [READ, UNREAD], ids=["read", "unread"])
def test_a_client_that_stays_silent_after_its_hello_times_out(tmp_path: Path, authority: Authority, name: str) -> None:
    with run(tmp_path, authority, "ssl_handshake_timeout 150ms;", name=name) as bench:
        client = bench.client()
        client.send(client_hello("gate.test"))
        assert len(bench.hear_all(client)) > 500
        assert handshakes(bench, None, "timeout") == 1


@pytest.mark.parametrize("name", [READ, UNREAD], ids=["read", "unread"])
@pytest.mark.parametrize("moment", ["before", "hello", "answer"])
@pytest.mark.parametrize("cruel", [False, True])
def test_a_client_that_leaves_ends(tmp_path: Path, authority: Authority, moment: str, cruel: bool, name: str) -> None:
    with run(tmp_path, authority, name=name) as bench:
        client = bench.client()
        if moment != "before":
            client.send(client_hello("gate.test"))
        if moment == "answer":
            bench.hear(client, 10)
        if cruel:
            reset(client)
        else:
            client.close()
        bench.until(lambda: bench.refused("client_tls"))
        bench.idle()
        assert bench.watched() == {bench.listener().sock.fileno()}
        assert bench.active() == 0


def test_a_client_without_a_protocol_in_common_gets_the_alert(tmp_path: Path, authority: Authority) -> None:
    context = careless()
    context.set_alpn_protocols(["h2"])
    with run(tmp_path, authority, "ssl_alpn smtp;") as bench:
        tls = bench.wrapped(bench.client(), context, "gate.test")
        with pytest.raises(ssl.SSLError, match="alert no application protocol"):
            bench.shake(tls)
        bench.idle()
        assert handshakes(bench, None, "failed") == 1


@pytest.mark.parametrize("settings", ["ssl_alpn smtp;", "ssl_reject_handshake on;"])
def test_a_client_that_is_gone_before_its_alert_is_no_bug(tmp_path: Path, authority: Authority, settings: str) -> None:
    with run(tmp_path, authority, settings) as bench:
        client = bench.client()
        client.send(client_hello("gate.test", alpn=["h2"]))
        reset(client)
        bench.until(lambda: bench.refused("client_tls"))
        bench.idle()
        assert bench.refused("internal") == 0


def test_a_handshake_that_is_rejected_goes_no_further(tmp_path: Path, authority: Authority) -> None:
    with run(tmp_path, authority, "ssl_reject_handshake on;") as bench:
        tls = bench.wrapped(bench.client(), careless(), "gate.test")
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            bench.shake(tls)
        bench.until(lambda: bench.refused("client_tls"))


def test_a_client_certificate_is_demanded(tmp_path: Path, authority: Authority) -> None:
    settings = f"ssl_verify_client on; ssl_client_certificate {authority.file};"
    with run(tmp_path, authority, settings) as bench:
        context = careless()
        tls = bench.wrapped(bench.client(), context)
        with pytest.raises(ssl.SSLError):
            bench.hear(bench.shake(tls), 1)
        assert bench.refused("client_tls") == 1
        pair = authority.issue("client.test")
        context.load_cert_chain(pair.crt, pair.key)
        assert bench.hear(bench.tls_client(context), 7) == b"TLSv1.3"


def test_what_is_said_of_a_failure() -> None:
    reset_by_peer = ConnectionResetError(104, "Connection reset by peer")
    assert handshake_error(reset_by_peer) == "SSL_do_handshake() failed (104: Connection reset by peer)"
    assert handshake_error(ssl.SSLEOFError(8, "EOF occurred")) == "peer closed connection in SSL handshake"
    odd = ssl.SSLError(1, "odd")
    odd.reason = "PEER_DID_NOT_RETURN_A_CERTIFICATE"
    assert handshake_error(odd) == "client sent no required SSL certificate"
    odd.reason, odd.library = "NO_SHARED_CIPHER", "SSL"
    assert handshake_error(odd) == "SSL_do_handshake() failed (SSL: error:0A0000C1:SSL routines::no shared cipher)"


def test_an_answer_may_be_empty(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("gate.test")
    text = """server { listen 127.0.0.1:%%PORT_a%% ssl; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%;
              set $none ""; return "$none"; }"""
    with Bench(text, tmp_path, CRT=pair.crt, KEY=pair.key) as bench:
        assert bench.hear_all(bench.tls_client(careless())) == b""
        bench.idle()
        assert bench.status(200) == 1


def test_a_long_answer_reaches_a_tls_client_whole(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("gate.test")
    long = "x" * 3000
    text = f"""
    map $remote_addr $one {{ default "{long}"; }} map $remote_addr $ten {{ default "{"$one" * 60}"; }}
    map $remote_addr $all {{ default "{"$ten" * 60}"; }}
    server {{ listen 127.0.0.1:%%PORT_a%% ssl; ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%; return "$all"; }}
    server {{ listen 127.0.0.1:%%PORT_b%%; return "$all"; }}
    """
    with Bench(text, tmp_path, CRT=pair.crt, KEY=pair.key) as bench:
        assert len(bench.hear_all(bench.tls_client(careless()))) == 3000 * 3600
        plain = bench.client("b")
        assert bench.session().number
        assert len(bench.hear_all(plain)) == 3000 * 3600
        assert isinstance(plain, socket.socket)
