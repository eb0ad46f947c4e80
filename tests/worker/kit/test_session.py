"""A session as its plugins see it: what may be read when, and what may be changed."""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from certs import Authority
from clients import careless
from plugin_folder import DONE, plugins
from workerbench import Bench

from penstock.worker.kit.hooks import view_of
from penstock.worker.kit.session import Closed

TEXT = """
set_real_ip_from 127.0.0.1;
map $remote_addr $who { default somebody; }
server { listen 127.0.0.1:%%PORT_a%%; set $mine own; proxy_pass 127.0.0.1:9; }
server { listen 127.0.0.1:%%PORT_p%% proxy_protocol; proxy_pass 127.0.0.1:9; }
plugin one {}
"""


def seen(tmp_path: Path, expression: str, send: bytes = b"", name: str = "a") -> Any:
    """What an expression about `session` gives in preread, as text."""
    body = f"async def preread(self, session):\n    await asyncio.sleep(0.01)\n    done({expression})"
    with Bench(plugins(tmp_path, one=body) + TEXT, tmp_path) as bench:
        client = bench.client(name)
        bench.say(client, send)
        bench.until(lambda: DONE, "the hook")
        bench.idle()
    return DONE[0]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("session.variable('mine')", "own"),
        ("session.text('$who/$status')", "somebody/000"),
        ("(session.protocol, session.number)", ("TCP", 1)),
        ("(session.client_addr, session.server_addr)", ("127.0.0.1", "127.0.0.1")),
        ("(session.is_tls, session.sni, session.alpn, session.ja3, session.ja4)", (False, None, (), None, None)),
        ("(session.tls_versions, session.ciphers, session.hello, session.tls)", ((), (), None, None)),
        ("(session.client_certificate, session.route, session.service)", (None, "", "127.0.0.1:9")),
        ("(session.status, session.refusal, session.received, session.sent)", (0, "", 0, 0)),
        ("session.first_bytes", b"hello"),
    ],
)
def test_what_a_plain_session_tells(tmp_path: Path, expression: str, value: object) -> None:
    assert seen(tmp_path, expression, b"hello") == value


def test_a_proxied_client_has_two_addresses(tmp_path: Path) -> None:
    header = b"PROXY TCP4 192.0.2.7 192.0.2.8 4000 443\r\n"
    found = seen(tmp_path, "(session.client_addr, session.client_port, session.peer_addr)", header, "p")
    assert found == ("192.0.2.7", 4000, "127.0.0.1")


@pytest.mark.parametrize("expression", ["session.variable('none_such')", "session.text('$none_such')"])
def test_an_unknown_variable_is_a_lookup_error(tmp_path: Path, expression: str) -> None:
    body = f"""
def preread(self, session):
    try:
        {expression}
    except LookupError as error:
        done(str(error))
"""
    with Bench(plugins(tmp_path, one=body) + TEXT, tmp_path) as bench:
        bench.client()
        bench.until(lambda: DONE, "the hook")
    assert DONE == ['unknown "none_such" variable']


@pytest.mark.parametrize(
    "late", ["refuse('x')", "answer()", "set_service('s')", "set_target('h', 1)", "set_retries(1)", "set_tls(False)"]
)
def test_nothing_can_be_changed_when_it_is_too_late(tmp_path: Path, late: str) -> None:
    body = f"""
def log(self, session):
    try:
        session.{late}
    except RuntimeError as error:
        done(type(error))
"""
    with Bench(plugins(tmp_path, one=body) + TEXT, tmp_path) as bench:
        bench.client()
        bench.until(lambda: DONE, "the hook")
    assert [Closed] == DONE


def test_the_hooks_of_a_session_share_its_context(tmp_path: Path) -> None:
    one = "priority = 2\ndef preread(self, session): session.ctx['left'] = 'something'"
    two = "def log(self, session): done(session.ctx)"
    with Bench(plugins(tmp_path, one=one, two=two) + TEXT + "plugin two {}", tmp_path) as bench:
        bench.client()
        bench.until(lambda: DONE, "the hook")
    assert DONE == [{"left": "something"}]


def test_a_plugin_may_write_to_the_sessions_log(tmp_path: Path) -> None:
    body = "def preread(self, session): session.log('warn', 'look here')"
    with Bench(plugins(tmp_path, one=body) + TEXT, tmp_path) as bench:
        bench.client()
        assert "[warn]" in bench.line("look here, client: 127.0.0.1, server: 127.0.0.1:")


def test_what_was_decided_stays_while_the_session_goes_on(tmp_path: Path) -> None:
    body = "def preread(self, session): session.ctx['view'] = 1\ndef log(self, session): done(session.ctx)"
    path = f"{tmp_path}/up"
    text = plugins(tmp_path, one=body) + "server { listen 127.0.0.1:%%PORT_a%%; proxy_pass unix:%%UP%%; } plugin one {}"
    with Bench(text, tmp_path, UP=path) as bench:
        upstream = bench.upstream(path)
        client = bench.client()
        far = bench.accepted(upstream)
        (session,) = bench.relaying()
        view = view_of(session)
        for late in (partial(view.refuse, "x"), view.answer, partial(view.set_retries, 1)):
            with pytest.raises(Closed):
                late()
        view.decide(may_steer=False)
        with pytest.raises(Closed, match="preread hooks only"):
            view.set_retries(1)
        view.decide(may_steer=True)
        view.set_retries(1)
        assert session.target.next_tries == 2
        client.close()
        far.close()
        bench.idle()


def test_a_certificate_hook_may_not_say_where_to(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("a.test")
    body = "def certificate(self, session): session.set_retries(1)"
    tls = f"ssl_certificate {pair.crt}; ssl_certificate_key {pair.key};"
    server = f"server {{ listen 127.0.0.1:%%PORT_a%% ssl; return x; {tls} }}"
    text = f"{plugins(tmp_path, one=body)} {server} plugin one {{}}"
    with Bench(text, tmp_path) as bench:
        client = bench.wrapped(bench.client(), careless())
        with pytest.raises((ssl.SSLError, OSError)):
            bench.shake(client)
        assert bench.line("failed in certificate: Closed: where a session goes can be changed")
