"""The client's TLS."""

from __future__ import annotations

import pytest
from certs import Authority
from clients import careless
from handshake import meet
from viewed import Viewed, terminated

from penstock.shared.hello import ClientHello
from penstock.shared.variables_ssl import GETTERS


def test_the_handshake_is_seen(authority: Authority) -> None:
    server, client = authority.server("gate.test"), careless()
    server.set_alpn_protocols(["h2"])
    client.set_alpn_protocols(["h2", "http/1.1"])
    met = meet(server, client, "gate.test")
    session = terminated(met.server, ClientHello("gate.test", ("h2",), 0x0303, (0x0304,)))
    cipher = met.client.cipher()
    assert cipher is not None
    assert GETTERS["ssl_protocol"](session) == "TLSv1.3"
    assert GETTERS["ssl_cipher"](session) == cipher[0]
    assert GETTERS["ssl_alpn_protocol"](session) == "h2"
    assert GETTERS["ssl_server_name"](session) == "gate.test"
    assert GETTERS["ssl_session_reused"](session) == "."


def test_a_resumed_session_is_told(authority: Authority) -> None:
    server, client = authority.server("gate.test"), careless()
    first = meet(server, client)
    again = terminated(meet(server, client, session=first.client.session).server)
    assert GETTERS["ssl_session_reused"](again) == "r"


def test_the_session_id_is_hexadecimal(authority: Authority) -> None:
    met = meet(authority.server("gate.test"), careless())
    session = terminated(met.server)
    assert met.server.session is not None
    assert GETTERS["ssl_session_id"](session) == met.server.session.id.hex()


@pytest.mark.parametrize("name", ["ssl_alpn_protocol", "ssl_server_name"])
def test_what_was_not_agreed_on_is_not_found(authority: Authority, name: str) -> None:
    session = terminated(meet(authority.server("gate.test"), careless()).server)
    assert GETTERS[name](session) is None


@pytest.mark.parametrize("name", GETTERS)
def test_without_tls_nothing_is_found(name: str) -> None:
    assert GETTERS[name](Viewed(hello=ClientHello("a.test", (), 0x0303, ()))) is None
