"""`server {}`."""

from __future__ import annotations

import pytest
from builds import mistake, pair_files, server, stream

from penstock.shared.model.address import ipv4
from penstock.shared.model.stream import Pass, ProxyPass, Return


def test_a_server_that_passes_on() -> None:
    (server,) = stream("server { listen 1; listen 2; proxy_pass 10.0.0.1:80; }").servers
    assert [listen.address.port for listen in server.listens] == [1, 2]
    assert isinstance(server.handler, ProxyPass)
    assert (server.handler.text, server.handler.template) == ("10.0.0.1:80", None)


def test_variables_are_left_to_the_session() -> None:
    (server,) = stream("server { listen 1; proxy_pass $ssl_preread_server_name:443; }").servers
    assert isinstance(server.handler, ProxyPass)
    assert server.handler.upstream is None
    assert server.handler.template is not None
    assert server.handler.template.source == "$ssl_preread_server_name:443"


@pytest.mark.parametrize(
    ("directives", "handler"),
    [("proxy_pass 10.0.0.1:1; return x;", Return), ("return x; proxy_pass 10.0.0.1:1;", ProxyPass)],
)
def test_the_later_of_return_and_proxy_pass_counts(directives: str, handler: type) -> None:
    assert isinstance(stream(f"server {{ listen 1; {directives} }}").servers[0].handler, handler)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("server { listen 1; }", "no handler for server"),
        ("server { return x; }", 'no "listen" is defined for server'),
        (
            "server { listen 1 ssl; return x; }",
            'no "ssl_certificate" is defined for the "listen ... ssl" directive',
        ),
        ("server { listen 1 udp; pass 127.0.0.1:5; }", '"pass" takes connections only'),
        ("server { listen 1; proxy_pass $foo; }", 'unknown "foo" variable'),
        ("server { listen 1; return $foo; }", 'unknown "foo" variable'),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    assert mistake(text).text == complaint


def test_a_missing_certificate_is_blamed_at_the_listen() -> None:
    error = mistake("server {\n listen 1;\n listen 2 ssl;\n return x;\n}")
    assert error.where is not None
    assert error.where.line == 3


def test_a_server_that_refuses_every_handshake_needs_no_certificate() -> None:
    (server,) = stream("server { listen 1 ssl; return x; ssl_reject_handshake on; }").servers
    assert server.settings.tls.reject_handshake


def test_one_listen_of_several_with_ssl_reads_the_certificate() -> None:
    text = "server { listen 1; listen 2 ssl; return x; ssl_certificate a.crt; ssl_certificate_key a.key; }"
    (server,) = stream(text, pair_files()).servers
    assert len(server.settings.tls.pairs) == 1


def test_pass_names_another_listener() -> None:
    handler = server("pass 127.0.0.1:5;").handler
    assert isinstance(handler, Pass)
    assert handler.address == ipv4("127.0.0.1", 5)


def test_pass_may_have_variables() -> None:
    handler = server("pass $server_addr:5;").handler
    assert isinstance(handler, Pass)
    assert handler.address is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("pass 127.0.0.1;", 'no port in pass "127.0.0.1"'), ("pass 127.0.0.1:x;", 'invalid port in pass "127.0.0.1:x"')],
)
def test_pass_needs_an_address_with_a_port(text: str, complaint: str) -> None:
    assert mistake(f"server {{ listen 1; {text} }}").text == complaint
